"""The private key of the local issuer, as a file or as text."""

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["KEY_FILE", "KeyFileError", "load_or_create_key", "read_key"]

KEY_FILE: Final = "identity-key.pem"

MAX_KEY_FILE_BYTES: Final = 16_384


class KeyFileError(OSError):
    """The key file can't be used. The text is one sentence for the operator, naming the file."""


def load_or_create_key(data_dir: Path) -> str:
    """The P-256 private key (PEM) kept in `data_dir`, made there if there is none. Raises `KeyFileError`.

    Several processes may start at once: the first to put its key in place wins, the others read that one.
    """
    path = data_dir / KEY_FILE
    try:
        if not path.exists():
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path)
        return _load(path)
    except KeyFileError:
        raise
    except OSError as error:
        raise KeyFileError(f"{path} can't be read or made: {error.strerror or error}.") from error


def read_key(pem: bytes) -> str:
    """A P-256 private key, in the one form of PEM that we use. Raises `ValueError` that says what it is not."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is not an unencrypted private key in PEM form") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("is not a P-256 key, which ES256 needs")  # noqa: TRY004 - it is about a value
    return _pem(key).decode()


def _create(path: Path) -> None:
    pem = _pem(ec.generate_private_key(ec.SECP256R1()))
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename, a link never replaces the key of a process that was faster
    finally:
        draft.unlink(missing_ok=True)


def _load(path: Path) -> str:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name == "posix" and mode & 0o077:
            raise KeyFileError(f"{path} can be read by others (mode {mode:04o}): run `chmod 600` on it.")
        pem = file.read(MAX_KEY_FILE_BYTES)
    try:
        return read_key(pem)
    except ValueError as error:
        raise KeyFileError(f"{path} {error}.") from error


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
