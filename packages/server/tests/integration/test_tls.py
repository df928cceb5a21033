"""TLS on both ports: real certificates, real https and wss clients, and renewals while connections are open."""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from authority import NOW, Authority, pem_of
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from heliograph_server.transport import tls
from heliograph_server.transport.tls import Certificate, CertificateError

from .running import RunningServer, ask, hear, running
from .test_serving import run, start
from .test_wire import eventually

RENEWAL_TIMEOUT_S = 10.0

Log = list[MutableMapping[str, Any]]


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Each event loop has its own TLS."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
def log() -> Iterator[Log]:
    with capture_logs() as entries:
        yield entries


def events(log: Log) -> list[str]:
    return [entry["event"] for entry in log]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def trust(authority: Authority) -> ssl.SSLContext:
    return authority.trusting()


@pytest.fixture
def files(authority: Authority, tmp_path: Path) -> tuple[Path, Path]:
    return authority.keep_in(tmp_path)


@pytest.fixture
async def server(
    tmp_path: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningServer]:
    monkeypatch.setattr(tls, "CHECK_INTERVAL_S", 0.02)
    chain, key = files
    async with running(tmp_path, tls_cert=chain, tls_key=key) as made:
        yield made


async def shown(url: str, trust: ssl.SSLContext, *, host: str | None = None) -> int:
    """The serial number of the certificate that a new connection is shown; `host` is named in the handshake (SNI)."""
    port = httpx.URL(url).port
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=host or "127.0.0.1")
    try:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(der).serial_number
    finally:
        writer.close()
        await writer.wait_closed()


def serial(chain: bytes) -> int:
    return x509.load_pem_x509_certificate(chain).serial_number


async def until_shown(wanted: int, url: str, trust: ssl.SSLContext) -> None:
    async with asyncio.timeout(RENEWAL_TIMEOUT_S):
        while await shown(url, trust) != wanted:  # noqa: ASYNC110 - a certificate shows in a handshake alone
            await asyncio.sleep(0.02)


def put_in_place(path: Path, content: bytes) -> None:
    """As renewal tools do it: never a file that is half written."""
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(path)


async def test_both_ports_serve_https_and_wss(server: RunningServer, trust: ssl.SSLContext) -> None:
    for http_url in (server.http_url, server.other_http_url):
        async with httpx.AsyncClient(base_url=http_url, verify=trust) as http:
            assert (await http.get("/ready")).json()["status"] == "ready"
    room = await server.room()
    sockets = [await websockets.connect(url, ssl=trust) for url in (server.ws_url, server.other_ws_url)]
    ann, bob = sockets
    for name, socket in (("ann", ann), ("bob", bob)):
        reply = await ask(socket, server.registration(name, room, await server.sign_in()))
        assert reply["type"] == "registered_auth"
    await ann.send(json.dumps({"type": "offer", "target": "bob", "sdp": "v=0 " + "x" * 50_000}))
    assert (await hear(bob))["sdp"].endswith("x" * 50_000)
    for socket in sockets:
        await socket.close()


async def test_nothing_is_served_in_plain_text(server: RunningServer) -> None:
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.TransportError):
            await http.get(server.http_url.replace("https", "http") + "/health")
    with pytest.raises((OSError, websockets.InvalidMessage)):
        await websockets.connect(server.ws_url.replace("wss", "ws"))


async def test_a_client_that_does_not_trust_the_authority_is_not_served(server: RunningServer) -> None:
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await http.get(server.http_url + "/health")


async def test_old_versions_of_tls_are_refused(server: RunningServer, trust: ssl.SSLContext) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await shown(server.http_url, old)


async def test_a_renewed_certificate_is_shown_to_new_connections_and_open_ones_go_on(
    server: RunningServer, authority: Authority, trust: ssl.SSLContext, files: tuple[Path, Path]
) -> None:
    room = await server.room()
    async with (
        websockets.connect(server.ws_url, ssl=trust) as ann,
        httpx.AsyncClient(base_url=server.http_url, verify=trust) as http,
    ):
        await ask(ann, server.registration("ann", room, await server.sign_in()))
        assert (await http.get("/health")).status_code == 200
        pool = http._transport._pool  # type: ignore[attr-defined]
        opened = list(pool.connections)
        pair = authority.issue()
        for path, pem in zip(files, pair, strict=True):
            put_in_place(path, pem)
        await until_shown(serial(pair[0]), server.http_url, trust)
        assert await shown(server.ws_url, trust) == serial(pair[0])
        assert await shown(server.http_url, trust, host="localhost") == serial(pair[0])
        assert (await ask(ann, {"type": "ping"}))["type"] == "pong"
        assert (await http.get("/health")).status_code == 200
        assert list(pool.connections) == opened
        async with websockets.connect(server.ws_url, ssl=trust) as bob:
            await ask(bob, server.registration("bob", room, await server.sign_in()))
            await bob.send('{"type":"offer","target":"ann","sdp":"v=0"}')
            assert (await hear(ann))["type"] == "offer"


async def test_a_renewal_that_is_not_complete_changes_nothing_until_it_is(
    server: RunningServer,
    authority: Authority,
    trust: ssl.SSLContext,
    files: tuple[Path, Path],
    log: Log,
) -> None:
    before = serial(files[0].read_bytes())
    chain, key = authority.issue()
    put_in_place(files[0], chain)

    await eventually(lambda: "tls.renewal_failed" in events(log))
    assert await shown(server.http_url, trust) == before
    put_in_place(files[1], key)
    await until_shown(serial(chain), server.http_url, trust)
    assert events(log).count("tls.renewal_failed") == 1


async def test_files_that_go_away_for_a_while_change_nothing(
    server: RunningServer, trust: ssl.SSLContext, files: tuple[Path, Path], log: Log
) -> None:
    before = serial(files[0].read_bytes())
    away = files[1].rename(files[1].with_suffix(".away"))

    await eventually(lambda: "tls.renewal_failed" in events(log))
    assert await shown(server.http_url, trust) == before
    away.rename(files[1])
    assert await shown(server.http_url, trust) == before


async def test_the_command_takes_both_files(tmp_path: Path, files: tuple[Path, Path], trust: ssl.SSLContext) -> None:
    process = await start(
        *("serve", "--http-port=0", "--ws-port=0", f"--data-dir={tmp_path}", "--log-format=json"),
        *(f"--tls-cert={files[0]}", f"--tls-key={files[1]}"),
    )
    assert process.stdout is not None
    try:
        line = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        assert line["tls"] is True
        async with httpx.AsyncClient(verify=trust) as http:
            answer = await http.get(f"https://127.0.0.1:{line['http_port']}/ready")
            assert answer.json()["status"] == "ready"
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 5) == 0
        await process.communicate()


async def test_a_pair_that_does_not_fit_is_one_clear_line_and_exit_code_1(
    tmp_path: Path, files: tuple[Path, Path], authority: Authority
) -> None:
    files[1].write_bytes(authority.issue()[1])
    for command in ("serve", "check-config"):
        code, _, complaint = await run(
            command,
            "--http-port=0",
            "--ws-port=0",
            f"--data-dir={tmp_path}",
            f"--tls-cert={files[0]}",
            f"--tls-key={files[1]}",
        )
        assert code == 1
        what = f"{files[1]} is not the unencrypted private key (PEM) of the certificate in {files[0]}."
        assert complaint == f"heliograph-server: {what}\n"


async def test_one_file_without_the_other_is_a_wrong_setting() -> None:
    code, _, complaint = await run("check-config", "--tls-cert=chain.pem")
    assert (code, complaint) == (2, "heliograph-server: HELIOGRAPH_TLS_KEY: is needed with HELIOGRAPH_TLS_CERT\n")


def directory_in_place_of(path: Path) -> None:
    path.unlink()
    path.mkdir()


UNUSABLE: dict[str, Callable[[Path, Path], object]] = {
    "no chain": lambda chain, key: chain.unlink(),
    "no key": lambda chain, key: key.unlink(),
    "an empty chain": lambda chain, key: chain.write_bytes(b""),
    "a chain that is a key": lambda chain, key: chain.write_bytes(key.read_bytes()),
    "a key that is text": lambda chain, key: key.write_bytes(b"open sesame"),
    "a key that is encrypted": lambda chain, key: key.write_bytes(
        pem_of(ec.generate_private_key(ec.SECP256R1()), b"secret")
    ),
    "a key that is a directory": lambda chain, key: directory_in_place_of(key),
}


@pytest.mark.parametrize("unusable", UNUSABLE)
def test_files_that_cannot_be_used_are_named(files: tuple[Path, Path], unusable: str) -> None:
    UNUSABLE[unusable](*files)
    with pytest.raises(CertificateError) as refused:
        Certificate(*files)
    assert os.fspath(files[0].parent) in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_an_expired_certificate_is_used_and_complained_about(
    authority: Authority, files: tuple[Path, Path], log: Log
) -> None:
    for path, pem in zip(files, authority.issue(ends=NOW), strict=True):
        path.write_bytes(pem)
    Certificate(*files)
    assert "tls.certificate_expired" in events(log)
