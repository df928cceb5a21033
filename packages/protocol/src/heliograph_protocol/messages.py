"""Every message of the signaling wire, one frozen Struct each, tagged by `type`.

`ClientMessage` is what a client may send, `ServerMessage` what it may receive. Forwarded signals (`offer`, `answer`,
`candidate`, `quit`, and an `error` that names a `target`) are in both: a server passes them on as it got them, so
fields beyond those named here reach the receiver too.
"""

from heliograph_protocol.claiming import Claimed, ClaimPeer, ClaimQueued, ClaimReleased, PeerClaimed, ReleaseClaim
from heliograph_protocol.inspecting import (
    Inspect,
    Inspection,
    InspectionUpdate,
    InspectStop,
    InspectStopped,
    Report,
)
from heliograph_protocol.message import PEER_ID_PATTERN, Grant, Message, PeerId, Ref, Signal
from heliograph_protocol.news import (
    PeerAway,
    PeerBack,
    PeerJoined,
    PeerLeft,
    PeerUpdated,
    RoomClosed,
    RoomExpiring,
    ServerDraining,
)
from heliograph_protocol.registration import IceServer, Limits, Register, RegisteredAuth, Resume, SessionInfo
from heliograph_protocol.requests import (
    AvailablePeers,
    DiscoverPeers,
    GroupsUpdated,
    Leave,
    MetadataUpdated,
    PeerList,
    Ping,
    Pong,
    Query,
    SetGroups,
    UpdateMetadata,
)
from heliograph_protocol.signals import (
    Ack,
    Answer,
    Candidate,
    ErrorMessage,
    IceCandidateInit,
    Offer,
    PeerMessage,
    Quit,
    Received,
)

__all__ = [
    "PEER_ID_PATTERN",
    "Ack",
    "Answer",
    "AvailablePeers",
    "Candidate",
    "ClaimPeer",
    "ClaimQueued",
    "ClaimReleased",
    "Claimed",
    "ClientMessage",
    "DiscoverPeers",
    "ErrorMessage",
    "Grant",
    "GroupsUpdated",
    "IceCandidateInit",
    "IceServer",
    "Inspect",
    "InspectStop",
    "InspectStopped",
    "Inspection",
    "InspectionUpdate",
    "Leave",
    "Limits",
    "Message",
    "MetadataUpdated",
    "Offer",
    "PeerAway",
    "PeerBack",
    "PeerClaimed",
    "PeerId",
    "PeerJoined",
    "PeerLeft",
    "PeerList",
    "PeerMessage",
    "PeerUpdated",
    "Ping",
    "Pong",
    "Query",
    "Quit",
    "Received",
    "Ref",
    "Register",
    "RegisteredAuth",
    "ReleaseClaim",
    "Report",
    "Resume",
    "RoomClosed",
    "RoomExpiring",
    "ServerDraining",
    "ServerMessage",
    "SessionInfo",
    "SetGroups",
    "Signal",
    "UpdateMetadata",
]

ClientMessage = (
    Register
    | Offer
    | Answer
    | Candidate
    | Quit
    | ErrorMessage
    | Query
    | Ping
    | DiscoverPeers
    | UpdateMetadata
    | SetGroups
    | PeerMessage
    | Leave
    | ClaimPeer
    | ReleaseClaim
    | Received
    | Report
    | Inspect
    | InspectStop
)
ServerMessage = (
    RegisteredAuth
    | Offer
    | Answer
    | Candidate
    | Quit
    | ErrorMessage
    | AvailablePeers
    | Pong
    | PeerList
    | MetadataUpdated
    | GroupsUpdated
    | PeerMessage
    | PeerClaimed
    | ClaimQueued
    | ClaimReleased
    | Claimed
    | Ack
    | PeerJoined
    | PeerUpdated
    | PeerAway
    | PeerBack
    | PeerLeft
    | RoomExpiring
    | RoomClosed
    | ServerDraining
    | Inspection
    | InspectionUpdate
    | InspectStopped
)
