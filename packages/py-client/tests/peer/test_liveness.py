"""When silence means that the path is lost: by a clock of the test's."""

from heliograph.peer.liveness import LOST_AFTER_S, PING_AFTER_S, TICK_S, Silence, Verdict


def looks(silence: Silence, *, until_s: float, received: int = 0, start_s: float = 0.0) -> list[tuple[float, Verdict]]:
    """Look every tick; the verdicts that are not fine, with their times."""
    found: list[tuple[float, Verdict]] = []
    now = start_s
    while now < until_s:
        now += TICK_S
        if (verdict := silence.look(now, received)) is not Verdict.FINE:
            found.append((now, verdict))
            if verdict is Verdict.LOST:
                break
    return found


def test_silence_brings_pings_and_then_the_end_within_five_seconds() -> None:
    found = looks(Silence(0.0, 0), until_s=60)
    assert found[0] == (PING_AFTER_S, Verdict.PING)
    assert found[-1] == (LOST_AFTER_S, Verdict.LOST)
    assert LOST_AFTER_S + TICK_S < 5
    assert [verdict for _, verdict in found].count(Verdict.PING) == 3


def test_any_packet_is_a_sign_of_life() -> None:
    silence = Silence(0.0, 0)
    assert looks(silence, until_s=LOST_AFTER_S - TICK_S)[-1][1] is Verdict.PING
    assert silence.look(LOST_AFTER_S, 1) is Verdict.FINE
    assert looks(silence, until_s=60, received=1, start_s=LOST_AFTER_S)[-1] == (2 * LOST_AFTER_S, Verdict.LOST)


def test_time_in_which_this_process_did_not_run_is_not_silence() -> None:
    silence = Silence(0.0, 0)
    assert silence.look(3600.0, 0) is Verdict.PING
    assert silence.look(7200.0, 0) is Verdict.PING
    assert silence.look(7200.0, 1) is Verdict.FINE


def test_looks_that_come_late_do_not_put_the_verdict_off() -> None:
    silence = Silence(0.0, 0)
    looks_at = [2 * TICK_S * number for number in range(1, 5)]
    assert [silence.look(now, 0) for now in looks_at] == [*[Verdict.PING] * 3, Verdict.LOST]
    assert looks_at[-1] == LOST_AFTER_S
