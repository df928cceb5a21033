"""`python -m heliograph_server.probe`: whether the server of this container answers, as the exit code.

Reads the same settings as the server does, so it asks where the server listens.
"""

import ipaddress
import os
import ssl
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final

from heliograph_server.settings import Settings, SettingsError, load_settings

__all__ = ["main", "probe"]

TIMEOUT_S: Final = 4.0


def probe(settings: Settings) -> str | None:
    """Ask the server's `/health`; what is wrong, None if nothing is."""
    host = _reachable(settings.host)
    connection = HTTPConnection(host, settings.http_port, timeout=TIMEOUT_S)
    if settings.tls_cert is not None:
        # The certificate is for the server's public name, and this is the server's own machine: nothing is sent.
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        connection = HTTPSConnection(host, settings.http_port, timeout=TIMEOUT_S, context=unverified)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"No answer from {host}:{settings.http_port}: {error or type(error).__name__}"
    finally:
        connection.close()
    return None if status == HTTPStatus.OK else f"/health answers {status}"


def main() -> int:
    """Print what is wrong, if anything is, and return the exit code."""
    try:
        problem = probe(load_settings(os.environ))
    except SettingsError as error:
        problem = str(error)
    if problem is not None:
        print(problem, file=sys.stderr)  # noqa: T201 - a command's answer
    return int(problem is not None)


def _reachable(host: str) -> str:
    """Where to reach a server that listens at `host`, which may be all addresses."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


if __name__ == "__main__":
    sys.exit(main())
