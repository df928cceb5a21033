"""Fetching what issuers publish: real servers that answer badly, slowly, too much, or not at all."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from heliograph_server.identity import documents as module
from heliograph_server.identity.documents import MAX_DOCUMENT_BYTES, Documents, DocumentUnavailable
from heliograph_server.identity.secure_url import is_secure

from .web_server import WebServer


@pytest.fixture
def web() -> Iterator[WebServer]:
    made = WebServer()
    yield made
    made.close()


@pytest.fixture
async def documents() -> AsyncIterator[Documents]:
    made = Documents()
    yield made
    await made.close()


async def test_a_document_is_fetched(web: WebServer, documents: Documents) -> None:
    web.answers["/keys"] = lambda: (200, {}, b"x" * MAX_DOCUMENT_BYTES)
    assert await documents.fetch(f"{web.url}/keys") == b"x" * MAX_DOCUMENT_BYTES


async def test_a_larger_one_is_not_read_to_its_end(web: WebServer, documents: Documents) -> None:
    web.answers["/keys"] = lambda: (200, {}, b"x" * 100 * MAX_DOCUMENT_BYTES)
    with pytest.raises(DocumentUnavailable, match="larger than"):
        await documents.fetch(f"{web.url}/keys")


@pytest.mark.parametrize("status", [204, 404, 500, 503])
async def test_any_other_status_is_a_failure(web: WebServer, documents: Documents, status: int) -> None:
    web.answers["/keys"] = lambda: (status, {}, b"")
    with pytest.raises(DocumentUnavailable, match=f"{web.url}/keys answers {status}"):
        await documents.fetch(f"{web.url}/keys")


async def test_redirects_are_not_followed(web: WebServer, documents: Documents) -> None:
    web.answers["/keys"] = lambda: (302, {"Location": f"{web.url}/elsewhere"}, b"")
    with pytest.raises(DocumentUnavailable, match="answers 302"):
        await documents.fetch(f"{web.url}/keys")
    assert web.asked["/elsewhere"] == 0


async def test_nobody_there_is_a_failure(web: WebServer, documents: Documents) -> None:
    web.stop()
    with pytest.raises(DocumentUnavailable, match=f"{web.url}/keys can't be fetched: .+"):
        await documents.fetch(f"{web.url}/keys")


async def test_what_is_no_address_is_a_failure(documents: Documents) -> None:
    with pytest.raises(DocumentUnavailable):
        await documents.fetch("http://[")


async def test_a_server_that_drips_is_given_up_in_time(documents: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes soon enough; the whole would take for ever."""
    monkeypatch.setattr(module, "FETCH_TIMEOUT_S", 0.3)
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not over.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        dripping = threading.Thread(target=drip, args=(listener,))
        dripping.start()
        asked = time.monotonic()
        with pytest.raises(DocumentUnavailable, match="did not answer within"):
            await documents.fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/keys")
        assert time.monotonic() - asked < 5
        over.set()
        dripping.join()


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://login.example.org", True),
        ("https://login.example.org:8443/realms/lab", True),
        ("http://localhost:8080/realms/lab", True),
        ("http://127.0.0.1:9000", True),
        ("http://[::1]:9000", True),
        ("http://login.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("http://10.0.0.1", False),
        ("ftp://login.example.org", False),
        ("login.example.org", False),
        ("https://", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_issuers_are_spoken_to_over_https_or_on_this_machine(url: str, secure: bool) -> None:
    assert is_secure(url) is secure
