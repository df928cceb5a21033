"""Identities that `heliograph login` has stored: one a server, in a file that only its owner can read."""

from __future__ import annotations

import base64
import binascii
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from heliograph.api import Api, Identity
from heliograph.errors import ConfigurationError, HeliographError
from heliograph.signaling.identity import half_is_over
from heliograph.unreadable import UNREADABLE

__all__ = ["Identities", "StoredIdentity", "claims_of", "state_folder"]

log = logging.getLogger(__name__)

FILE_MODE = 0o600
FOLDER_MODE = 0o700


class StoredIdentity(Struct, frozen=True, kw_only=True):
    """Who a server takes the user for. The token is a secret; `expires_at` is in Unix seconds, if that is known."""

    id_token: str
    username: str
    expires_at: int | None = None

    def __repr__(self) -> str:
        return f"StoredIdentity(username={self.username!r}, expires_at={self.expires_at})"

    @classmethod
    def of(cls, identity: Identity) -> StoredIdentity:
        """What a server has signed somebody in as."""
        _, expires_at = claims_of(identity.id_token)
        return cls(id_token=identity.id_token, username=identity.username, expires_at=expires_at)

    def has_expired(self, clock: Callable[[], float] = time.time) -> bool:
        """Whether the server will refuse it."""
        return self.expires_at is not None and self.expires_at <= clock()


class _Claims(Struct, frozen=True):
    """What is of interest in an id token (RFC 7519 section 4.1)."""

    sub: str = ""
    exp: float | None = None
    name: str | None = None
    email: str | None = None


def claims_of(id_token: str) -> tuple[str, int | None]:
    """The user and the expiry that a JWT states; this does not verify it. Raises `ConfigurationError` if it is none."""
    try:
        _header, payload, _signature = id_token.split(".")
        payload_json = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        claims = msgspec.json.decode(payload_json, type=_Claims)
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError) as error:
        raise ConfigurationError("This is no id token: a JWT was expected") from error
    return claims.email or claims.name or claims.sub, None if claims.exp is None else int(claims.exp)


def state_folder() -> Path:
    """Where the command keeps what it has to remember: `XDG_STATE_HOME`, or the platform's folder for applications."""
    if sys.platform in {"win32", "darwin"}:
        return Path(click.get_app_dir("heliograph", roaming=False))
    home = os.environ.get("XDG_STATE_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"
    return base / "heliograph"


class Identities:
    """The file with the identities, by the server's HTTP address."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or state_folder()) / "identities.json"

    def get(self, server: str) -> StoredIdentity | None:
        """The identity for a server. Raises `ConfigurationError` if the file cannot be read."""
        return self._read().get(server)

    def put(self, server: str, identity: StoredIdentity) -> None:
        """Store an identity in the place of an older one."""
        self._write({**self._read(), server: identity})

    def remove(self, server: str) -> bool:
        """Forget a server's identity; says whether there was one."""
        known = self._read()
        if known.pop(server, None) is None:
            return False
        self._write(known)
        return True

    async def lasting(self, server: str) -> str:
        """A server's id token, for what runs for long: another one, which is stored too, if half of its life is over.

        Where there is no other one yet, it is the old one. Raises `ConfigurationError` if none counts.
        """
        known = self.get(server)
        if known is None or known.has_expired():
            raise ConfigurationError(f"The login at {server} has expired: `heliograph login` comes first")
        if not half_is_over(known.id_token, time.time()):
            return known.id_token
        async with Api(server) as api:
            try:
                renewed = StoredIdentity.of(await api.renew(id_token=known.id_token))
            except HeliographError as error:
                log.info("identity.not_renewed server=%s reason=%s", server, error)
                return known.id_token
        self.put(server, renewed)
        return renewed.id_token

    def _read(self) -> dict[str, StoredIdentity]:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=dict[str, StoredIdentity])
        except FileNotFoundError:
            return {}
        except UNREADABLE as error:
            raise ConfigurationError(f"{self.path} is damaged; remove it and log in again") from error
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be read: {error.strerror}") from error

    def _write(self, identities: dict[str, StoredIdentity]) -> None:
        """Write it whole or not at all; nobody else may read it at any moment."""
        folder = self.path.parent
        try:
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=".identities-")  # with mode 0600
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(msgspec.json.format(msgspec.json.encode(identities)))
                temporary.chmod(FILE_MODE)
                temporary.replace(self.path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be written: {error.strerror}") from error
