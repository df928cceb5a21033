"""The opening handshake: RFC 6455 section 4."""

import pytest

from heliograph_server.transport import http

from .serving import Served, eventually
from .wire import TEXT, accepted, frame


async def test_it_opens_with_the_proof_of_the_key(served: Served) -> None:
    async with served.tcp() as peer:
        head = await peer.handshake()
        assert accepted(head)
        assert b"\r\nsec-websocket-protocol" not in head.lower()
        assert b"\r\nsec-websocket-extensions" not in head.lower()


async def test_the_application_sees_path_and_headers(served: Served) -> None:
    async with served.tcp() as peer:
        assert accepted(await peer.handshake("Origin: https://lab.example", path="/r%C3%BC?a=b&c"))
    (opening,) = served.openings
    assert opening.path == "/rü"
    assert (b"origin", b"https://lab.example") in opening.headers


async def test_other_tokens_beside_upgrade_are_fine(served: Served) -> None:
    async with served.tcp() as peer:
        assert accepted(await peer.handshake("Connection: keep-alive, Upgrade", "Upgrade: WebSocket"))
        await peer.send(frame(TEXT, b"as Firefox has it"))
        assert await peer.text() == b"as Firefox has it"


async def test_a_long_head_passes(served: Served) -> None:
    async with served.tcp() as peer:
        assert accepted(await peer.handshake("Cookie: " + "crumb=" * 1000))
        await peer.send(frame(TEXT, b"hello"))
        assert await peer.text() == b"hello"


async def test_the_subprotocol_is_the_applications_choice(served: Served) -> None:
    async with served.tcp() as peer:
        head = await peer.handshake("Sec-WebSocket-Protocol: mail, chat", path="/chat")
        assert accepted(head)
        assert b"\r\nsec-websocket-protocol: chat\r\n" in head.lower()
    assert served.openings[0].subprotocols == ["mail", "chat"]


async def test_a_refusal_has_a_status_and_a_reason(served: Served) -> None:
    async with served.tcp() as peer:
        head = await peer.handshake(path="/no")
        assert head.startswith(b"HTTP/1.1 402 Payment Required\r\n")
        assert b"content-length: 14\r\n" in head.lower()
        assert await peer.ended() == b"no entry today"
    assert served.talks == []


@pytest.mark.parametrize(
    ("headers", "without", "method"),
    [
        pytest.param((), ("Sec-WebSocket-Key",), "GET", id="no key"),
        pytest.param(("Sec-WebSocket-Key: c2hvcnQ=",), (), "GET", id="a short key"),
        pytest.param(("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j*Q==",), (), "GET", id="a key that is no base64"),
        pytest.param((), ("Sec-WebSocket-Version",), "GET", id="no version"),
        pytest.param(("Sec-WebSocket-Version: 8",), (), "GET", id="an older version"),
        pytest.param((), (), "POST", id="no GET"),
    ],
)
async def test_a_wrong_handshake_is_refused(
    served: Served, headers: tuple[str, ...], without: tuple[str, ...], method: str
) -> None:
    async with served.tcp() as peer:
        head = await peer.handshake(*headers, without=without, method=method)
        assert head.split()[1] in {b"400", b"405", b"426"}
        await peer.ended()
    assert served.talks == []
    assert served.openings == []


async def test_a_peer_that_goes_before_it_is_let_in_leaves_nothing(served: Served) -> None:
    for _ in range(20):
        async with served.tcp() as peer:
            peer.writer.write(
                b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            peer.reset()
    async with served.peer() as (peer, _):
        await peer.send(frame(TEXT, b"still there"))
        assert await peer.text() == b"still there"
    for talk in served.talks:
        await talk.ended()


HEAD = (
    b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

LONG = b"X-Long: " + b"x" * 4096 + b"\r\nX-Longer: " + b"x" * 8000 + b"\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((b"GET / HTTP/1.1\r\n", HEAD, b"\r\n"), id="line by line"),
        pytest.param((b"G", b"ET / HTTP/1.1\r\n" + HEAD + b"\r", b"\n"), id="cut in the middle"),
        pytest.param((b"\r\nGET / HTTP/1.1\r\n" + HEAD + b"\r\n",), id="an empty line before it"),
        pytest.param(
            (b"GET / HTTP/1.1\r\n" + HEAD + LONG + b"\r\n",),
            id="long",
        ),
        pytest.param((b"GET http://x/ HTTP/1.1\r\n" + HEAD + b"\r\n",), id="absolute"),
    ],
)
async def test_a_request_that_is_not_plain_opens_all_the_same(served: Served, pieces: tuple[bytes, ...]) -> None:
    async with served.tcp() as peer:
        for piece in pieces:
            peer.writer.write(piece)
            await peer.writer.drain()
        assert accepted(await peer.head())
        await peer.send(frame(TEXT, b"hello"))
        assert await peer.text() == b"hello"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"X Y: z\r\n", id="a name of two words"),
        pytest.param(b"X : y\r\n", id="a space before the colon"),
        pytest.param(b"no colon\r\n", id="no colon"),
        pytest.param(b"X: a\x00b\r\n", id="a zero"),
        pytest.param(b"X: a\rb\r\n", id="a return alone"),
        pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", id="two lengths"),
    ],
)
async def test_what_is_no_http_opens_nothing(served: Served, line: bytes) -> None:
    async with served.tcp() as peer:
        peer.writer.write(b"GET / HTTP/1.1\r\n" + HEAD + line + b"\r\n")
        assert not accepted(await peer.head())
    assert served.openings == []


async def test_other_requests_go_to_the_application_one_after_the_other(served: Served) -> None:
    async with served.tcp() as peer:
        for path in (b"/one", b"/two"):
            peer.writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await peer.head()).startswith(b"HTTP/1.1 200 OK\r\n")
            assert await peer.reader.readexactly(5) == path.ljust(5)
    assert served.openings == []


async def test_a_connection_that_says_nothing_is_closed_at_the_end(served: Served) -> None:
    async with served.tcp() as peer:
        await eventually(lambda: len(served.state.connections) == 1)
        (connection,) = served.state.connections
        connection.shutdown()
        assert await peer.ended() == b""
    await eventually(lambda: not served.state.connections)


@pytest.mark.parametrize("said", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_who_does_not_finish_the_first_request_is_cut_off(
    served: Served, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "REQUEST_TIMEOUT_S", 0.05)
    async with served.tcp() as peer:
        peer.writer.write(said)
        assert await peer.ended() == b""
    assert served.openings == []


@pytest.mark.parametrize(
    "said",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHo",
    ],
    ids=["body", "chunk", "second request"],
)
async def test_who_does_not_finish_a_request_is_cut_off(
    served: Served, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "REQUEST_TIMEOUT_S", 0.05)
    async with served.tcp() as peer:
        peer.writer.write(said)
        assert (await peer.ended()).count(b"HTTP/1.1 200 OK") == 1  # to the head that was whole


async def test_who_has_finished_it_is_not(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_TIMEOUT_S", 0.05)
    async with served.tcp() as silent, served.peer() as (peer, _), served.tcp() as asking:
        asking.writer.write(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await asking.head()).startswith(b"HTTP/1.1 200 OK\r\n")
        await silent.ended()  # by then their time would be over as well
        await peer.send(frame(TEXT, b"still there"))
        assert await peer.text() == b"still there"
        asking.writer.write(b"GET /two HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await asking.reader.readexactly(5) == b"/one "
        assert (await asking.head()).startswith(b"HTTP/1.1 200 OK\r\n")
