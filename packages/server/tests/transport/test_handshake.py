"""The opening handshake: RFC 6455 section 4."""

import pytest

from .serving import Served
from .wire import TEXT, accepted, frame


async def test_it_opens_with_the_proof_of_the_key(served: Served) -> None:
    async with served.tcp() as peer:
        head = await peer.handshake()
        assert accepted(head)
        assert b"\r\nsec-websocket-protocol" not in head.lower()
        assert b"\r\nsec-websocket-extensions" not in head.lower()


async def test_the_application_sees_path_query_and_headers(served: Served) -> None:
    async with served.tcp() as peer:
        assert accepted(await peer.handshake("Origin: https://lab.example", path="/r%C3%BC?a=b&c"))
    (scope,) = served.scopes
    assert (scope["type"], scope["path"], scope["query_string"]) == ("websocket", "/rü", b"a=b&c")
    assert scope["scheme"] == "ws"
    assert (b"origin", b"https://lab.example") in scope["headers"]
    assert scope["client"][0] == "127.0.0.1"


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
    assert served.scopes[0]["subprotocols"] == ["mail", "chat"]


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
    assert served.scopes == []


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
