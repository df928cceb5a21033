"""Who is over leaves nothing behind: connections that come and go would otherwise pile up between two collections."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from .serving import Served, eventually
from .wire import close_frame


@pytest.fixture
def no_collector() -> Iterator[None]:
    """The garbage collector looks for no rings meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("transport", ["picows"])
@pytest.mark.parametrize("ending", ["a close", "a reset"])
@pytest.mark.usefixtures("no_collector")
async def test_a_conversation_that_is_over_is_let_go_of_at_once(served: Served, ending: str) -> None:
    async with served.peer() as (peer, talk):
        talk.answer = lambda _: None  # its own would be a ring
        await peer.send(close_frame(1000)) if ending == "a close" else peer.reset()
        await talk.ended()
    told = weakref.ref(talk)
    served.talks.clear()
    del talk, peer
    await eventually(lambda: told() is None)
