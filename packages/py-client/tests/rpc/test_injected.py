"""The connection that a handler asks for is never the caller's to give."""

import pytest

import heliograph
from heliograph.testing import connected


async def test_a_caller_cannot_give_the_connection(worker: heliograph.Worker) -> None:
    @worker.rpc("whoami")
    async def whoami(*, connection: heliograph.Connection, **more: str) -> list[object]:
        return [connection.peer_id, more]

    async with connected(worker) as connection:
        assert await connection.call("whoami", a="b") == ["Client-1", {"a": "b"}]
        with pytest.raises(heliograph.InvalidArguments, match="unexpected keyword argument 'connection'"):
            await connection.call("whoami", connection="somebody else")
