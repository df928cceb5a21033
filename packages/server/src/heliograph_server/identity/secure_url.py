"""Which addresses an issuer may have."""

import ipaddress
from urllib.parse import urlsplit

__all__ = ["is_secure"]


def is_secure(url: str) -> bool:
    """Whether what comes from there can be believed: HTTPS, or this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
