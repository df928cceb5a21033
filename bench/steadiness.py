"""Whether the machine itself keeps its pace: a little work, always the same, that goes before everything else.

A virtual machine may get much less of its processors for a moment, and be told nothing of it: no time is stolen, timers
are in time, and every instruction takes several times as long. Nothing that is measured then says anything of a server.
What the work takes on each core tells when that was.

`python -m bench.steadiness CORE` does the work on a core until it is ended, and prints when and how long.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from bisect import bisect
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from bench.machine import pin, prefer

__all__ = ["Sample", "Spell", "Watch", "merged", "spells", "watching"]

EVERY_S: Final = 0.004
WORK: Final = 600
"""Steps, some 40 microseconds: a hundredth of the core."""

SLOW: Final = 2.0
"""Work that takes so many times what is usual shows that the machine did not keep its pace."""

AMONG: Final = 5
"""Of so many samples in a row the median counts. A single one may be slow because of an interrupt, or because what ran
before it has left nothing of it in the caches."""

USUAL: Final = 0.2
"""Of all samples, so many are faster than what is usual: a machine can be slowed down, and not sped up."""

RECOVERY_S: Final = 0.3
"""For so long after that, a server may still be busy with what has piled up."""

LEAD_S: Final = 0.02
"""What was under way so long before may have been held up."""

STOP_TIMEOUT_S: Final = 10.0

Sample = tuple[float, float]
"""When the work began (`time.perf_counter`, which all processes share), and the seconds that it took."""

Spell = tuple[float, float]
"""From when to when the machine did not keep its pace."""


class Watch:
    """What was seen while it lasted; to be asked once it is over."""

    def __init__(self) -> None:
        self.spells: list[Spell] = []
        """In order; they do not overlap."""

    def steady(self, at: float) -> bool:
        """Whether the machine kept its pace then."""
        place = bisect(self.spells, (at, float("inf")))
        return place == 0 or at > self.spells[place - 1][1]


@contextlib.contextmanager
def watching(cores: set[int]) -> Iterator[Watch]:
    """Watch these cores; the result is there after the block."""
    watch = Watch()
    command = [sys.executable, "-m", "bench.steadiness"]
    watchers = [subprocess.Popen([*command, str(core)], stdout=subprocess.PIPE) for core in sorted(cores)]
    try:
        for watcher in watchers:
            if watcher.stdout is None or not watcher.stdout.readline():
                raise RuntimeError("A core can't be watched")
        yield watch
    finally:
        for watcher in watchers:
            watcher.terminate()
        said = [watcher.communicate(timeout=STOP_TIMEOUT_S)[0] for watcher in watchers]
    watch.spells = merged([spell for samples in said for spell in spells(json.loads(samples))])


def spells(samples: Sequence[Sequence[float]]) -> Iterator[Spell]:
    """When one core did not keep its pace, from the last sample that was as usual until it has recovered."""
    usual = sorted(took for _, took in samples)[int(len(samples) * USUAL)]
    before = samples[0][0]
    for place, (began, _) in enumerate(samples):
        around = [took for _, took in samples[max(0, place - AMONG // 2) : place + AMONG // 2 + 1]]
        took = median(around)
        if took > SLOW * usual:
            yield before - LEAD_S, began + took + RECOVERY_S
        else:
            before = began


def merged(found: list[Spell]) -> list[Spell]:
    """The spells of several cores as those of the machine: in order, and without overlap."""
    whole: list[Spell] = []
    for begin, end in sorted(found):
        if whole and begin <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(end, whole[-1][1])
        else:
            whole.append((begin, end))
    return whole


def _watch(core: int) -> None:
    pin({core})
    prefer()
    over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: over.append(number))
    steps = range(WORK)
    samples: list[Sample] = []
    print(flush=True)
    while not samples or not over:
        time.sleep(EVERY_S)
        began = time.perf_counter()
        count = 0
        for step in steps:
            count += step & 1
        samples.append((began, time.perf_counter() - began))
    json.dump(samples, sys.stdout)


if __name__ == "__main__":
    _watch(int(sys.argv[1]))
