"""TLS on the server's own ports, with a certificate that may be renewed while connections are open."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

__all__ = ["CHECK_INTERVAL_S", "Certificate", "CertificateError"]

CHECK_INTERVAL_S: Final = 10.0
"""How often the files are looked at."""

_Stamps = tuple[tuple[int, int, int], ...]

_log = structlog.get_logger(__name__)


class CertificateError(OSError):
    """The certificate or its key can't be used. The text is one sentence for the operator, naming the file."""


class Certificate:
    """A certificate chain and its private key, in two PEM files. Raises `CertificateError`.

    Every handshake takes the pair that was loaded last, as a whole: a context is made for it, and put in the place of
    the one that the handshake began with. What is open already is not touched.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain = chain
        self._key = key
        self._stamps = self._look()
        self.context = self._current = self._load()
        """What the ports listen with."""
        self.context.sni_callback = self._choose

    async def watch(self) -> None:
        """Take over what the files become, for as long as this is awaited; until they can be used, what there is."""
        failure = None
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            try:
                if await asyncio.to_thread(self.renew):
                    failure = None
                    _log.info("tls.renewed")
            except CertificateError as error:
                if str(error) != failure:  # said once, not at every look
                    failure = str(error)
                    _log.error("tls.renewal_failed", cause=failure, meaning="the certificate loaded before is in use")

    def renew(self) -> bool:
        """Load the files if they are not what they were at the last look. Raises `CertificateError`."""
        stamps = self._look()
        if stamps == self._stamps:
            return False
        self._current = self._load()
        self._stamps = stamps
        return True

    def _choose(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called in every handshake, whether the client names a host or not."""
        handshake.context = self._current

    def _look(self) -> _Stamps:
        try:
            found = [path.stat() for path in (self._chain, self._key)]
        except OSError as error:
            raise CertificateError(f"{error.filename} can't be read: {error.strerror}.") from error
        return tuple((file.st_mtime_ns, file.st_size, file.st_ino) for file in found)

    def _load(self) -> ssl.SSLContext:
        try:
            leaf = x509.load_pem_x509_certificates(self._chain.read_bytes())[0]
        except OSError as error:
            raise CertificateError(f"{self._chain} can't be read: {error.strerror}.") from error
        except ValueError as error:
            raise CertificateError(f"{self._chain} has no certificate in PEM form.") from error
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._chain, self._key, password="")  # without one, OpenSSL asks the terminal
        except ssl.SSLError as error:
            raise CertificateError(
                f"{self._key} is not the unencrypted private key (PEM) of the certificate in {self._chain}."
            ) from error
        except OSError as error:
            raise CertificateError(f"{self._key} can't be read: {error.strerror}.") from error
        ends = leaf.not_valid_after_utc
        if ends <= datetime.now(UTC):
            _log.warning("tls.certificate_expired", ended=ends.isoformat())
        return context
