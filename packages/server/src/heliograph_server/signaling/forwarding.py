"""The way of a message from one peer to another: who speaks, may it, is anyone there, and what became of it."""

from typing import Final

from msgspec import UNSET

from heliograph_protocol import PEER_MESSAGE_TYPE, Ack, Envelope, ErrorCode, encode, with_sender
from heliograph_server.signaling.links import Delivery, Receipt
from heliograph_server.signaling.member import Member
from heliograph_server.signaling.permissions import may_signal

__all__ = ["Refused", "forward"]

_DELIVERED: Final = Delivery.DELIVERED
"""A look-up in an enumeration is dear where nothing else is."""


class Refused(Exception):
    """The message is not forwarded, or not to everyone that it was for."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def forward(sender: Member, envelope: Envelope, frame: bytes) -> Delivery:
    """Pass a signal or a peer message on, as it came. A level 2 sender gets an `ack` if it gave a `ref`.

    The sender's name is filled in where it is missing; where it is another's, nothing is forwarded. Returns whether the
    message was delivered or is buffered. Raises `Refused`.
    """
    named, from_peer, peer_id = envelope.sender, envelope.from_peer_id, sender.peer_id
    if named != peer_id and named is not UNSET and named is not None:
        raise Refused(ErrorCode.SENDER_MISMATCH, f"You are {peer_id}")
    if from_peer is not UNSET and from_peer is not None and from_peer != peer_id:
        raise Refused(ErrorCode.SENDER_MISMATCH, f"You are {peer_id}")
    receipt = Receipt(sender, envelope.ref) if envelope.ref is not UNSET and sender.resumable else None
    if envelope.type == PEER_MESSAGE_TYPE:
        if from_peer is UNSET or from_peer is None:
            frame = with_sender(frame, peer_id, field="from_peer_id")
        delivery = _forward_message(sender, envelope, frame, receipt)
    else:
        if named is UNSET or named is None:
            frame = with_sender(frame, peer_id)
        delivery = _signaled(sender, envelope).link.send(frame, receipt)
        if delivery is not _DELIVERED:
            _check(delivery, envelope.target)
    if receipt is not None:
        ack = Ack(ref=receipt.ref, status="delivered" if delivery is _DELIVERED else "buffered")
        sender.link.reply(encode(ack))
    return delivery


def _signaled(sender: Member, envelope: Envelope) -> Member:
    """Whom a signal is for. What nearly every message goes through is written out, without a call."""
    wanted = envelope.target
    if wanted is UNSET:
        raise Refused(ErrorCode.INVALID_MESSAGE, f"{envelope.type} needs a target")
    if "signal" not in sender.grants:
        raise _without("signal")
    room = sender.room
    target = room.members.get(wanted)
    if target is None or (target.groups is not sender.groups and not sender.sees(target)):
        raise _nobody(wanted)
    if room.policy is not None and not may_signal(room.policy, envelope.type, sender.role, target.role):
        raise Refused(
            ErrorCode.NOT_PERMITTED, f"In this room a {sender.role} may not send {envelope.type} to a {target.role}"
        )
    return target


def _forward_message(sender: Member, envelope: Envelope, frame: bytes, receipt: Receipt | None) -> Delivery:
    if (envelope.to_peer_id is UNSET) == (envelope.to_group is UNSET):
        raise Refused(ErrorCode.INVALID_MESSAGE, "A peer_message needs either to_peer_id or to_group")
    if envelope.to_peer_id is not UNSET:
        _need(sender, "message")
        return _deliver(_find(sender, envelope.to_peer_id), frame, receipt)
    group = envelope.to_group
    _need(sender, "broadcast")
    if group not in sender.groups:
        raise Refused(ErrorCode.NOT_PERMITTED, f"You are not in the group {str(group)[:64]}")
    worst, missed = Delivery.DELIVERED, []
    for member in list(sender.room.members.values()):
        if member is sender or group not in member.groups:
            continue
        try:
            if _deliver(member, frame, receipt) is Delivery.BUFFERED:
                worst = Delivery.BUFFERED
        except Refused:
            missed.append(member.peer_id)
    if missed:
        raise Refused(ErrorCode.PEER_AWAY_BUFFER_FULL, f"Not delivered to {', '.join(missed)[:256]}")
    return worst


def _need(sender: Member, grant: str) -> None:
    if grant not in sender.grants:
        raise _without(grant)


def _without(grant: str) -> Refused:
    return Refused(ErrorCode.NOT_PERMITTED, f"You do not have the grant {grant}")


def _nobody(peer_id: object) -> Refused:
    return Refused(ErrorCode.PEER_NOT_FOUND, f"No peer {str(peer_id)[:128]} in this room")


def _find(sender: Member, peer_id: str) -> Member:
    target = sender.room.members.get(peer_id)
    if target is None or not sender.sees(target):
        raise _nobody(peer_id)
    return target


def _deliver(target: Member, frame: bytes, receipt: Receipt | None) -> Delivery:
    delivery = target.link.send(frame, receipt)
    _check(delivery, target.peer_id)
    return delivery


def _check(delivery: Delivery, peer_id: object) -> None:
    """Raises `Refused` for what was not taken."""
    match delivery:
        case Delivery.FULL:
            raise Refused(ErrorCode.PEER_AWAY_BUFFER_FULL, f"{peer_id} is away or slow, and too much waits for it")
        case Delivery.UNKEPT:
            raise Refused(ErrorCode.STORE_UNAVAILABLE, f"There is no way to {peer_id} at the moment; try again")
        case Delivery.GONE:
            raise _nobody(peer_id)
        case Delivery.DELIVERED | Delivery.BUFFERED:
            return
