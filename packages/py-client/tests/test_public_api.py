"""What the package offers, and that nothing slips in or out unnoticed."""

import inspect
import re

import heliograph
from heliograph import errors
from heliograph.rpc import errors as rpc_errors

BESIDES_ERRORS = set(
    """
    connect create_room receive_file receive_files send_directory send_file
    Api Channel Claim Claiming ConnectReport Connection ConnectionEvent Disconnected
    FileOffer IceServer IceServers Identity JoinToken
    MAX_MESSAGE_BYTES Member ReceivedFile ReceivedFiles Registered Room RoomDetails RoomEvent Roster RpcStream SentFile
    Reconnected Reconnecting RoomRecreated
    ServerComplaint Session SignalRefused SignalingClient SignalingEvent TypedChannel Undelivered Worker
    ClaimQueued ClaimReleased Claimed Metadata Peer PeerAway PeerBack PeerJoined PeerLeft PeerMessage PeerUpdated
    RoomClosed RoomExpiring ServerDraining
    """.split()  # noqa: SIM905 - a quoted list of forty names is longer to read
)
ERRORS = {
    name: value
    for module in (errors, rpc_errors)
    for name, value in vars(module).items()
    if inspect.isclass(value) and issubclass(value, Exception)
}


def test_the_public_names() -> None:
    assert set(heliograph.__all__) == BESIDES_ERRORS | set(ERRORS)
    assert all(hasattr(heliograph, name) for name in heliograph.__all__)


def test_every_error_is_in_the_drawn_tree() -> None:
    drawn = set(re.findall(r"\b[A-Z][A-Za-z]+\b", f"{errors.__doc__}{rpc_errors.__doc__}"))
    assert set(ERRORS) <= drawn


def test_every_error_is_a_heliograph_error() -> None:
    assert all(issubclass(error, heliograph.HeliographError) for error in ERRORS.values())


def test_options_are_keyword_only() -> None:
    for function in (heliograph.connect, heliograph.Worker, heliograph.SignalingClient, heliograph.Api):
        positional = [
            parameter.name
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        ]
        assert positional == ["url"]
