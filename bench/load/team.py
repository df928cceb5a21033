"""Two processes that make load, for where one is not enough."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from bench.load.meters import Cost
from bench.load.wires import Wire
from bench.machine import pin

__all__ = ["at_once", "both_halves"]


def both_halves(wires: list[Wire], measure: Callable[[list[Wire]], dict[str, Any]]) -> dict[str, Any]:
    """Let a process of its own measure with the second half of the pairs, at the same time; their sum.

    The load's share of the processor is then that of the busier of the two.
    """
    middle = len(wires) // 4 * 2
    return at_once([wires[:middle], wires[middle:]], measure)


def at_once(
    halves: Sequence[list[Wire]], measure: Callable[[list[Wire]], dict[str, Any]], cores: Sequence[int] = ()
) -> dict[str, Any]:
    """See `both_halves`; with two `cores`, each process has one of its own."""
    first, second = halves
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        if cores:
            pin({cores[1]})
        with os.fdopen(into, "wb") as pipe:
            pipe.write(msgspec.json.encode(measure(second)))
        os._exit(0)
    os.close(into)
    if cores:
        pin({cores[0]})
    own = measure(first)
    with os.fdopen(out, "rb") as pipe:
        other = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise RuntimeError("The second process of the load failed")
    return _sum(own, msgspec.json.decode(other))


def _sum(own: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    cost, second = own["cost"], msgspec.convert(other["cost"], Cost)
    together = Cost(
        seconds=cost.seconds,
        server_cpu=cost.server_cpu,
        load_cpu=max(cost.load_cpu, second.load_cpu),
        disturbed=max(0.0, min(cost.disturbed, second.disturbed)),
        bus_cpu=cost.bus_cpu,
    )
    return {"messages_per_s": own["messages_per_s"] + other["messages_per_s"], "cost": together}
