"""Where `heliograph login` keeps identities."""

import base64
import json
import os
import stat
from pathlib import Path

import pytest

from heliograph.cli.identities import Identities, StoredIdentity, claims_of
from heliograph.errors import ConfigurationError

SERVER = "http://127.0.0.1:8001"


def token(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def test_only_the_owner_can_read_them_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        identities = Identities(tmp_path / "state")
        identities.put(SERVER, StoredIdentity(id_token="t", username="ann"))
        identities.put("http://other:1", StoredIdentity(id_token="u", username="bob"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(identities.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(identities.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in identities.path.parent.iterdir()] == [identities.path.name]


def test_one_a_server(tmp_path: Path) -> None:
    identities = Identities(tmp_path)
    assert identities.get(SERVER) is None
    identities.put(SERVER, StoredIdentity(id_token="t", username="ann"))
    identities.put("http://other:1", StoredIdentity(id_token="u", username="bob"))
    identities.put(SERVER, StoredIdentity(id_token="v", username="eve", expires_at=7))
    assert Identities(tmp_path).get(SERVER) == StoredIdentity(id_token="v", username="eve", expires_at=7)
    assert identities.remove(SERVER)
    assert not identities.remove(SERVER)
    assert identities.get("http://other:1") is not None


def test_it_is_shown_without_its_token() -> None:
    assert "secret" not in repr(StoredIdentity(id_token="secret", username="ann"))


def test_expiry() -> None:
    identity = StoredIdentity(id_token="t", username="ann", expires_at=100)
    assert not identity.has_expired(lambda: 99.9)
    assert identity.has_expired(lambda: 100.0)
    assert not StoredIdentity(id_token="t", username="ann").has_expired()


@pytest.mark.parametrize(
    "content", [b"{", b'{"a": {"id_token": "\xff"}}', b'{"a":' * 10_000], ids=["torn", "no UTF-8", "nested"]
)
def test_a_damaged_file_is_an_error_in_words(tmp_path: Path, content: bytes) -> None:
    identities = Identities(tmp_path)
    identities.path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is damaged; remove it and log in again"):
        identities.get(SERVER)


def test_what_a_token_says_of_itself() -> None:
    assert claims_of(token(sub="ann", exp=1_700_000_000.5)) == ("ann", 1_700_000_000)
    assert claims_of(token(sub="x", email="ann@example.org")) == ("ann@example.org", None)


@pytest.mark.parametrize("text", ["", "hello", "a.b", "a.b.c", "e30.e30=.c.d", "e30.W10.c2ln"])
def test_what_is_no_token(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no id token"):
        claims_of(text)
