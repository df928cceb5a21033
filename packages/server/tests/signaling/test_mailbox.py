"""The mailbox alone: what goes out, what is kept, what goes out again."""

from collections.abc import Callable

import pytest

from heliograph_protocol import CloseCode
from heliograph_server.signaling.links import Delivery
from heliograph_server.signaling.mailbox import MAILBOX_BYTES, MAILBOX_FRAMES, REPLAY_BYTES, Mailbox
from heliograph_server.transport.connection import OUTGOING_BYTES

from .links import MemoryConnection


def frames(start: int, end: int) -> list[bytes]:
    return [b"%d" % number for number in range(start, end)]


def test_unconfirmed_frames_go_out_again_in_order_before_newer_ones() -> None:
    mailbox = Mailbox(MemoryConnection())
    for frame in frames(0, 10):
        assert mailbox.send(frame) is Delivery.DELIVERED
    mailbox.confirm(3)
    mailbox.detach()
    for frame in frames(10, 15):
        assert mailbox.send(frame) is Delivery.BUFFERED
    second = MemoryConnection()
    assert mailbox.attach(second, received=6)
    assert second.frames == []
    assert mailbox.send(b"15") is Delivery.BUFFERED
    mailbox.pump()
    assert second.frames == frames(6, 16)
    assert mailbox.send(b"16") is Delivery.DELIVERED


def test_a_second_resume_counts_on_from_the_first() -> None:
    mailbox = Mailbox(MemoryConnection())
    for frame in frames(0, 5):
        mailbox.send(frame)
    second, third = MemoryConnection(), MemoryConnection()
    mailbox.detach()
    assert mailbox.attach(second, received=2)
    mailbox.pump()
    mailbox.detach()
    assert mailbox.attach(third, received=4)
    mailbox.pump()
    assert third.frames == frames(4, 5)


def test_a_count_that_cannot_be_is_no_resume() -> None:
    mailbox = Mailbox(MemoryConnection())
    for frame in frames(0, 5):
        mailbox.send(frame)
    assert not mailbox.confirm(6)
    assert mailbox.confirm(3)
    mailbox.detach()
    assert not mailbox.attach(MemoryConnection(), received=2)
    assert not mailbox.attach(MemoryConnection(), received=6)
    assert mailbox.attach(MemoryConnection(), received=5)


def test_who_never_confirms_gets_everything_but_may_lose_the_way_back() -> None:
    connection = MemoryConnection()
    mailbox = Mailbox(connection)
    for frame in frames(0, MAILBOX_FRAMES + 10):
        assert mailbox.send(frame) is Delivery.DELIVERED
    assert len(connection.frames) == MAILBOX_FRAMES + 10
    mailbox.detach()
    assert not mailbox.attach(MemoryConnection(), received=9)
    assert mailbox.attach(MemoryConnection(), received=10)


def test_who_confirms_is_sent_no_more_than_can_be_sent_again() -> None:
    connection = MemoryConnection()
    mailbox = Mailbox(connection)
    mailbox.send(b"0")
    mailbox.confirm(1)
    for frame in frames(1, MAILBOX_FRAMES + 1):
        assert mailbox.send(frame) is Delivery.DELIVERED
    assert mailbox.send(b"next") is Delivery.BUFFERED
    assert len(connection.frames) == MAILBOX_FRAMES + 1
    mailbox.confirm(2)
    assert connection.frames[-1] == b"next"


def test_who_has_just_come_back_is_sent_no_more_than_can_be_sent_again() -> None:
    mailbox = Mailbox(MemoryConnection())
    for frame in frames(0, 10):
        mailbox.send(frame)
    mailbox.detach()
    for frame in frames(10, MAILBOX_FRAMES + 10):
        assert mailbox.send(frame) is Delivery.BUFFERED
    for _ in range(3):
        connection = MemoryConnection()
        assert mailbox.attach(connection, received=0)
        mailbox.pump()
        assert connection.frames == frames(0, MAILBOX_FRAMES)
    mailbox.settled_in()
    assert connection.frames == frames(0, MAILBOX_FRAMES + 10)


def test_the_window_is_bounded_by_size_too() -> None:
    connection = MemoryConnection()
    mailbox = Mailbox(connection)
    mailbox.confirm(0)
    half = b"x" * (MAILBOX_BYTES // 2)
    deliveries = [mailbox.send(half) for _ in range(5)]
    assert deliveries == [Delivery.DELIVERED] * 2 + [Delivery.BUFFERED] * 2 + [Delivery.FULL]
    mailbox.detach()
    second = MemoryConnection()
    assert mailbox.attach(second, received=0)
    mailbox.pump()
    assert second.frames == [half] * 2
    mailbox.confirm(2)
    assert second.frames == [half] * 4


def test_what_waits_is_bounded_by_number_and_size() -> None:
    by_number, by_size = Mailbox(MemoryConnection()), Mailbox(MemoryConnection())
    by_number.detach()
    by_size.detach()
    assert [by_number.send(b"x") for _ in range(MAILBOX_FRAMES)] == [Delivery.BUFFERED] * MAILBOX_FRAMES
    assert by_number.send(b"x") is Delivery.FULL
    assert by_size.send(b"x" * (MAILBOX_BYTES - 1)) is Delivery.BUFFERED
    assert by_size.send(b"xx") is Delivery.FULL
    assert by_size.send(b"x") is Delivery.BUFFERED


def test_a_replay_goes_on_as_the_connection_drains() -> None:
    mailbox = Mailbox(MemoryConnection())
    mailbox.detach()
    for number in range(10):
        mailbox.send(b"%d" % number + b"x" * 50_000)
    connection = MemoryConnection()
    connection.buffered = REPLAY_BYTES + 1
    assert mailbox.attach(connection, received=0)
    mailbox.pump()
    assert connection.frames == []
    connection.drain()
    assert [frame[:1] for frame in connection.frames] == frames(0, 10)


def test_a_frame_that_a_closing_connection_did_not_take_is_kept() -> None:
    connection = MemoryConnection()
    mailbox = Mailbox(connection)
    mailbox.send(b"0")
    connection.close(4009, "too slow")
    assert mailbox.send(b"1") is Delivery.BUFFERED
    mailbox.detach()
    second = MemoryConnection()
    assert mailbox.attach(second, received=1)
    mailbox.pump()
    assert second.frames == [b"1"]


def test_news_give_way_to_messages_and_are_all_left_out_then() -> None:
    mailbox = Mailbox(MemoryConnection())
    mailbox.push_presence(b"sent news")
    mailbox.send(b"sent message")
    mailbox.detach()
    for _ in range(MAILBOX_FRAMES):
        mailbox.push_presence(b"news")
    assert mailbox.send(b"message") is Delivery.BUFFERED
    mailbox.push_presence(b"late news")
    second = MemoryConnection()
    assert mailbox.attach(second, received=0)
    mailbox.pump()
    assert second.frames == [b"sent message", b"message"]
    mailbox.push_presence(b"new news")
    assert second.frames[-1] == b"new news"


def test_news_too_many_for_a_peer_that_is_there_close_its_connection() -> None:
    connection = MemoryConnection()
    mailbox = Mailbox(connection)
    mailbox.confirm(0)
    for _ in range(2 * MAILBOX_FRAMES):
        mailbox.push_presence(b"news")
    assert not connection.closed
    mailbox.push_presence(b"news")
    assert connection.close_code == CloseCode.TOO_SLOW


def test_news_that_fit_are_replayed_in_their_order() -> None:
    mailbox = Mailbox(MemoryConnection())
    mailbox.detach()
    mailbox.push_presence(b"joined")
    mailbox.send(b"message")
    mailbox.push_presence(b"left")
    second = MemoryConnection()
    mailbox.attach(second, received=0)
    mailbox.pump()
    assert second.frames == [b"joined", b"message", b"left"]


def test_messages_do_not_take_the_place_of_news_for_a_peer_that_is_there() -> None:
    """It would never learn that it missed them."""
    connection = MemoryConnection()
    mailbox = Mailbox(connection)
    mailbox.confirm(0)
    for _ in range(2 * MAILBOX_FRAMES):
        mailbox.push_presence(b"news")
    assert mailbox.send(b"message") is Delivery.FULL
    mailbox.confirm(MAILBOX_FRAMES)
    assert connection.frames == [b"news"] * (2 * MAILBOX_FRAMES)
    mailbox.confirm(2 * MAILBOX_FRAMES)
    mailbox.push_presence(b"later news")
    assert connection.frames[-1] == b"later news"


def too_slow() -> Mailbox:
    """The mailbox of a peer that is there and has as much before it as may wait."""
    mailbox = Mailbox(MemoryConnection())
    mailbox.confirm(0)
    for frame in frames(0, 2 * MAILBOX_FRAMES):
        mailbox.reply(frame)
    assert mailbox.connection is not None
    assert not mailbox.connection.closed
    return mailbox


def comes_back(mailbox: Mailbox, received: int) -> MemoryConnection | None:
    mailbox.detach()
    connection = MemoryConnection()
    if not mailbox.attach(connection, received):
        return None
    mailbox.pump()
    return connection


def test_a_peer_that_asks_more_than_it_reads_is_closed_and_has_its_answer_when_it_is_back() -> None:
    mailbox = too_slow()
    first = mailbox.connection
    assert isinstance(first, MemoryConnection)
    mailbox.reply(b"answer")
    assert first.close_code == CloseCode.TOO_SLOW
    second = comes_back(mailbox, received=MAILBOX_FRAMES)
    assert second is not None
    mailbox.confirm(2 * MAILBOX_FRAMES)
    assert second.frames == [*frames(MAILBOX_FRAMES, 2 * MAILBOX_FRAMES), b"answer"]


def test_answers_too_many_to_keep_end_the_session() -> None:
    mailbox = too_slow()
    for _ in range(MAILBOX_FRAMES):
        mailbox.reply(b"answer")
    assert comes_back(mailbox, received=0) is not None
    for _ in range(MAILBOX_FRAMES + 1):
        mailbox.reply(b"answer")
    assert comes_back(mailbox, received=0) is None


def test_answers_too_big_to_keep_end_the_session() -> None:
    mailbox = too_slow()
    mailbox.reply(b"x" * MAILBOX_BYTES)
    assert comes_back(mailbox, received=0) is not None
    mailbox.reply(b"x" * MAILBOX_BYTES)
    assert comes_back(mailbox, received=0) is None


def test_an_answer_that_no_connection_takes_ends_the_session_instead_of_every_connection_to_come() -> None:
    connection = MemoryConnection()
    mailbox = Mailbox(connection)
    connection.close(CloseCode.TOO_SLOW, "as a connection does that is given too much")
    mailbox.reply(b"x" * (OUTGOING_BYTES + 1))
    assert comes_back(mailbox, received=0) is None


@pytest.mark.parametrize("tell", [Mailbox.notify, Mailbox.reply])
def test_a_peer_whose_session_is_given_up_does_not_stay(tell: Callable[[Mailbox, bytes], None]) -> None:
    """It would go on without what it was not told."""
    mailbox = too_slow()
    connection = mailbox.connection
    assert isinstance(connection, MemoryConnection)
    for _ in range(MAILBOX_FRAMES + 1):
        tell(mailbox, b"news")
    assert connection.close_code == CloseCode.TOO_SLOW
    assert comes_back(mailbox, received=0) is None


def test_too_many_notices_end_the_session_not_the_bound() -> None:
    mailbox = Mailbox(MemoryConnection())
    mailbox.detach()
    for _ in range(2 * MAILBOX_FRAMES):
        mailbox.notify(b"claimed")
    mailbox.notify(b"one too many")
    assert not mailbox.attach(MemoryConnection(), received=0)
