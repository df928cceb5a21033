"""Which message answers which, and which there are at level 1."""

from typing import Final

from heliograph_protocol.messages import (
    Ack,
    Answer,
    AvailablePeers,
    Candidate,
    ClaimPeer,
    ClaimQueued,
    ClaimReleased,
    DiscoverPeers,
    ErrorMessage,
    GroupsUpdated,
    Inspect,
    Inspection,
    InspectStop,
    InspectStopped,
    Leave,
    Message,
    MetadataUpdated,
    Offer,
    PeerClaimed,
    PeerList,
    PeerMessage,
    Ping,
    Pong,
    Query,
    Quit,
    Received,
    Register,
    RegisteredAuth,
    ReleaseClaim,
    Report,
    SetGroups,
    UpdateMetadata,
)

__all__ = ["LEVEL_1", "REPLIES", "Kind"]

Kind = type[Message]

LEVEL_1: Final[frozenset[Kind]] = frozenset(
    {
        Register,
        RegisteredAuth,
        Offer,
        Answer,
        Candidate,
        Quit,
        ErrorMessage,
        Query,
        AvailablePeers,
        Ping,
        Pong,
    }
)
"""All that there is at level 1; the other messages are of level 2."""

REPLIES: Final[dict[Kind, tuple[Kind, ...]]] = {
    Register: (RegisteredAuth,),
    Offer: (Ack,),
    Answer: (Ack,),
    Candidate: (Ack,),
    Quit: (Ack,),
    ErrorMessage: (Ack,),
    Query: (AvailablePeers,),
    Ping: (Pong,),
    DiscoverPeers: (PeerList,),
    UpdateMetadata: (MetadataUpdated,),
    SetGroups: (GroupsUpdated,),
    PeerMessage: (Ack,),
    Leave: (),
    ClaimPeer: (PeerClaimed, ClaimQueued),
    ReleaseClaim: (ClaimReleased,),
    Received: (),
    Report: (),
    Inspect: (Inspection,),
    InspectStop: (InspectStopped,),
}
"""What the server answers to what a client says, where it does not answer with an `error`."""
