"""A site of the tests' own, over HTTP."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["running_site"]


@contextlib.contextmanager
def running_site(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve with that handler; gives the site's URL, without a slash at the end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
