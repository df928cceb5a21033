"""A real HTTP server that publishes documents, counts who asks, and goes away and comes back."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

__all__ = ["Answer", "WebServer"]

Answer = tuple[int, dict[str, str], bytes]

FORWARD_TIMEOUT_S = 10.0
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host", "content-encoding", "server", "date"}


class WebServer:
    """Answers by path; what it has no answer for goes on to `behind`, if there is something behind."""

    def __init__(self, behind: str | None = None) -> None:
        self.asked: Counter[str] = Counter()
        """How often each path was asked for."""
        self.answers: dict[str, Callable[[], Answer]] = {}
        self._behind = None if behind is None else httpx.Client(base_url=behind, timeout=FORWARD_TIMEOUT_S)
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.start()

    @property
    def url(self) -> str:
        """Where it is, or was."""
        return f"http://127.0.0.1:{self._port}"

    def publish(self, path: str, document: Any) -> None:
        """Answer a path with JSON."""
        body = json.dumps(document).encode()
        self.answers[path] = lambda: (200, {"Content-Type": "application/json"}, body)

    def forget(self, path: str) -> None:
        """Have no answer for a path any more."""
        del self.answers[path]

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        if self._behind is not None:
            self._behind.close()

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.asked[path] += 1
        if path in self.answers:
            return self.answers[path]()
        if self._behind is None:
            return 404, {}, b""
        passed = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
        answer = self._behind.request(method, path, headers=passed, content=body)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        return answer.status_code, kept, answer.content

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._respond()

            def do_POST(self) -> None:
                self._respond()

            def _respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, content = web._answer(self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content)), "Connection": "close"}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Keep the output of the tests clean."""

        return Handler
