"""What commands write where nobody reads it."""

import contextlib
import io
import os
from collections.abc import Iterator

import pytest

from heliograph.cli.output import Output


@contextlib.contextmanager
def unread_output() -> Iterator[None]:
    """Standard output is a pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as file, contextlib.redirect_stdout(file):
        yield


def test_a_command_that_is_there_for_its_output_learns_that_nobody_reads_it() -> None:
    out = Output(as_json=True)
    with unread_output():
        with pytest.raises(BrokenPipeError):
            out.event("ready", "")
        out.may_be_lost = True
        out.event("so that the pipe can be closed", "")


def test_one_that_serves_others_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    out = Output(as_json=True)
    out.may_be_lost = True
    with unread_output():
        for number in range(1000):
            out.event("job_started", "", job=number)
    assert [record.message for record in caplog.records] == ["output.lost reason=[Errno 32] Broken pipe"]


def test_and_so_it_does_where_the_disk_is_full(caplog: pytest.LogCaptureFixture) -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    out = Output(as_json=True)
    out.may_be_lost = True
    with contextlib.redirect_stdout(Full()):
        for _ in range(3):
            out.event("job_started", "")
    assert len(caplog.records) == 1
