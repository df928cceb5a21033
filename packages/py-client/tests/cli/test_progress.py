"""Progress as events for programs."""

import json

import pytest

from heliograph.cli.output import Output
from heliograph.cli.progress import Transfers


def test_an_event_a_second_with_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    """The transfer is resumed at 600 bytes, which took no time and say nothing about the rate."""
    clock = iter((0.0, 0.5, 1.2, 1.4, 2.5, 3.7)).__next__
    with Transfers(Output(as_json=True)) as transfers, transfers.begin("a", peer_id="W", clock=clock) as transfer:
        for done in (600, 650, 700, 800, 1000):
            transfer(done, 1000)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"event": "progress", "name": "a", "peer_id": "W", "done": done, "total": 1000, **rest}
        for done, rest in (
            (650, {"bytes_per_s": 71, "seconds_left": 4.9}),
            (800, {"bytes_per_s": 100, "seconds_left": 2.0}),
        )
    ]
