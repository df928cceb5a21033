"""Where a room's truth is: on this node alone, unless a cluster says otherwise."""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final, Protocol

__all__ = ["ALONE", "Alone", "Homes", "RoomElsewhere"]


class RoomElsewhere(Exception):
    """The room's home is another node: whoever wants in has to be taken there. No refusal; no peer ever hears of it.

    Without a `node` it is on its way to one, and whoever wants in has to ask again.
    """

    def __init__(self, node: str = "") -> None:
        super().__init__(node)
        self.node = node


class Homes(Protocol):
    """Which rooms are at home here."""

    def hold(self, room_id: str) -> AbstractAsyncContextManager[None]:
        """Have a room here, with everyone who is in it or away from it, for as long as the context lasts and it has
        someone in it.

        Raises `RoomElsewhere`, and `Unavailable` if that can't be found out.
        """


class Alone:
    """`Homes` of a server that is one node: every room is here."""

    def hold(self, room_id: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - it is here, whatever its id
        """See `Homes.hold`."""
        return _HERE


_HERE: Final = nullcontext()

ALONE: Final = Alone()
