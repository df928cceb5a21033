"""The key file: made once, for the owner alone, and refused in every other form."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from heliograph_server.identity.keyfile import KEY_FILE, KeyFileError, load_or_create_key

LOAD = """
import sys
from pathlib import Path
from heliograph_server.identity.keyfile import load_or_create_key
sys.stdin.readline()
sys.stdout.write(load_or_create_key(Path(sys.argv[1])))
"""


def pem_of(key: PrivateKeyTypes, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def keep(data_dir: Path, content: bytes, mode: int = 0o600) -> Path:
    path = data_dir / KEY_FILE
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_key_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    made = load_or_create_key(tmp_path / "new" / "dir")
    path = tmp_path / "new" / "dir" / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_or_create_key(tmp_path / "new" / "dir") == made
    assert [file.name for file in path.parent.iterdir()] == [KEY_FILE]


def test_an_operators_own_key_is_used(tmp_path: Path) -> None:
    pem = pem_of(ec.generate_private_key(ec.SECP256R1()))
    keep(tmp_path, "the key of the café\n".encode() + pem, 0o400)
    assert load_or_create_key(tmp_path) == pem.decode()


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOAD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    keys = {process.communicate(timeout=60)[0] for process in processes}
    assert keys == {(tmp_path / KEY_FILE).read_text()}
    assert [file.name for file in tmp_path.iterdir()] == [KEY_FILE]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o622])
def test_a_key_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = keep(tmp_path, pem_of(ec.generate_private_key(ec.SECP256R1())), mode)
    with pytest.raises(KeyFileError, match="chmod 600") as refused:
        load_or_create_key(tmp_path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        pem_of(ec.generate_private_key(ec.SECP384R1())),
        pem_of(ec.generate_private_key(ec.SECP256K1())),
        pem_of(rsa.generate_private_key(65537, 2048)),
        pem_of(ec.generate_private_key(ec.SECP256R1()), password=b"secret"),
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        b"",
        b"nonsense",
        b"\xff\xfe",
    ],
    ids=["P-384", "secp256k1", "RSA", "encrypted", "public", "empty", "text", "bytes"],
)
def test_anything_but_a_plain_p_256_key_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = keep(tmp_path, content)
    with pytest.raises(KeyFileError) as refused:
        load_or_create_key(tmp_path)
    assert str(path) in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert path.read_bytes() == content


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).mkdir(mode=0o700)
    with pytest.raises(KeyFileError):
        load_or_create_key(tmp_path)


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(KeyFileError, match=KEY_FILE):
        load_or_create_key(tmp_path / "data")
