"""The signing key as a setting: nodes without a common directory sign alike, and nobody gets to see it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from heliograph_server.app import Application
from heliograph_server.errors import InvalidRoomToken
from heliograph_server.identity.local import LocalIdentity
from heliograph_server.identity.tokens import SignedToken
from heliograph_server.rooms.invitations import Invitation
from heliograph_server.settings import Settings, SettingsError, load_settings
from heliograph_server.signaling.permissions import ROOM_TOKEN_GRANTS

TIMEOUT_S = 30.0
VARIABLE = "HELIOGRAPH_SIGNING_KEY"

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def pem(
    key: PrivateKey,
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
    lock: serialization.KeySerializationEncryption | None = None,
) -> str:
    encoded = key.private_bytes(serialization.Encoding.PEM, form, lock or serialization.NoEncryption())
    return encoded.decode()


KEY = ec.generate_private_key(ec.SECP256R1())
GIVEN = pem(KEY)
SECRET_LINE = GIVEN.splitlines()[1]


@pytest.mark.parametrize(
    "text",
    [GIVEN, GIVEN.strip(), GIVEN.replace("\n", "\\n"), pem(KEY, serialization.PrivateFormat.TraditionalOpenSSL)],
    ids=["PEM", "without the last line end", "in one line", "SEC 1"],
)
def test_a_key_is_read_in_all_forms_that_it_comes_in(text: str) -> None:
    assert load_settings({VARIABLE: text}).signing_key == GIVEN


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no key", "is not an unencrypted private key in PEM form"),
        ("", "is not an unencrypted private key in PEM form"),
        (
            pem(KEY, lock=serialization.BestAvailableEncryption(b"password")),
            "is not an unencrypted private key in PEM form",
        ),
        (pem(ed25519.Ed25519PrivateKey.generate()), "is not a P-256 key, which ES256 needs"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "is not a P-256 key, which ES256 needs"),
    ],
    ids=["nonsense", "empty", "encrypted", "Ed25519", "P-384"],
)
def test_another_key_is_refused_and_not_shown(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({VARIABLE: text})
    assert refused.value.problems == [f"{VARIABLE}=********: {complaint}"]
    assert refused.value.__cause__ is None


async def test_nodes_with_one_key_accept_each_others_id_tokens_and_join_tokens(tmp_path: Path) -> None:
    one, two, stranger = (
        Application(Settings(data_dir=tmp_path / name, rooms="memory", signing_key=key))
        for name, key in (("one", GIVEN), ("two", GIVEN), ("stranger", ""))
    )
    id_token = (await one.identity.sign_in()).id_token
    owner = await two.identity.verify(id_token)
    assert one.identity.jwks() == two.identity.jwks() != stranger.identity.jwks()
    room = await one.rooms.create(owner)
    invitation = Invitation(role="worker", peer_id=None, groups=None, grants=ROOM_TOKEN_GRANTS)
    token, _ = one.rooms.invite(room, invitation, ttl_s=60)
    for node in (two, stranger):
        assert await node.store.create(room)
    assert await two.rooms.admit(room.room_id, token) == (room, invitation)
    with pytest.raises(InvalidRoomToken):
        await stranger.rooms.admit(room.room_id, token)
    assert files_in(tmp_path) == ["stranger"]


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "heliograph_server", *arguments],
        env={**os.environ, VARIABLE: GIVEN},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


async def test_tokens_are_minted_with_it_and_nothing_is_written(tmp_path: Path) -> None:
    minted = command("mint-token", "--subject=robot", f"--data-dir={tmp_path}")
    assert minted.returncode == 0, minted.stderr
    user = LocalIdentity(tmp_path, time.time, GIVEN).verify_now(SignedToken.parse(minted.stdout.strip()))
    assert user.subject == "robot"
    assert files_in(tmp_path) == []


def test_nobody_sees_it(tmp_path: Path) -> None:
    checked = command("check-config", f"--data-dir={tmp_path}", "--rooms=memory")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert f"{VARIABLE}=********" in checked.stdout.splitlines()
    shown = checked.stdout + repr(load_settings({VARIABLE: GIVEN})) + command("serve", "--help").stdout
    assert SECRET_LINE not in shown
    assert command("serve", f"--signing-key={GIVEN}").returncode == 2
