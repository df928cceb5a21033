"""Whether the server of a container answers."""

import socket

import pytest

from heliograph_server.probe import probe
from heliograph_server.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_nobody_there_is_a_problem(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    problem = probe(Settings(host=host, http_port=port))
    assert problem is not None
    assert str(port) in problem
