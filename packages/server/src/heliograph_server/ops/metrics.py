"""Prometheus metrics.

The forward path adds to plain integers that this module owns; Prometheus' own objects are made from them when someone
asks. Label values come from fixed sets: what a stranger sends never becomes a label.
"""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from heliograph_protocol import FORWARDED_TYPES, PEER_MESSAGE_TYPE, REQUEST_TYPES, ErrorCode
from heliograph_server.signaling.hub import Hub

__all__ = ["SAMPLE_EVERY", "SignalingMetrics", "metrics_text"]

SAMPLE_EVERY: Final = 16
"""Of how many forwarded messages of a connection one is timed."""

ROLES: Final = ("client", "peer", "worker")
"""Roles that are counted under their own name; all others are `other`."""

LATENCY_BUCKETS_S: Final = (0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05)


class SignalingMetrics:
    """Counts of what happens on the wire."""

    def __init__(self) -> None:
        self.connections = 0
        self.messages = dict.fromkeys(sorted(FORWARDED_TYPES | REQUEST_TYPES | {PEER_MESSAGE_TYPE}), 0)
        self.refusals = dict.fromkeys(ErrorCode, 0)
        self.latency_counts = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self.latency_sum_s = 0.0
        self.more: Callable[[], Iterable[Metric]] = lambda: ()
        """What else there is to count."""
        self.piped: Callable[[], int] = lambda: 0
        """How many of the `connections` are in truth at other nodes of a cluster."""

    def message(self, kind: str) -> None:
        """A message of a known type was accepted."""
        self.messages[kind] += 1

    def forwarded_in(self, seconds: float) -> None:
        """A message of the sample was forwarded, that long after its frame had arrived."""
        self.latency_counts[bisect_left(LATENCY_BUCKETS_S, seconds)] += 1
        self.latency_sum_s += seconds

    def refused(self, code: ErrorCode) -> None:
        """A message was refused."""
        self.refusals[code] += 1


class _Collector(Collector):
    def __init__(self, metrics: SignalingMetrics, hub: Hub) -> None:
        self._metrics = metrics
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        metrics, hub = self._metrics, self._hub
        yield GaugeMetricFamily(
            "heliograph_connections", "Open WebSockets", value=metrics.connections - metrics.piped()
        )
        yield GaugeMetricFamily("heliograph_tasks", "Tasks of the event loop", value=len(asyncio.all_tasks()))
        yield GaugeMetricFamily("heliograph_rooms", "Rooms with someone in them", value=hub.room_count())
        roles = hub.peers_by_role()
        known = Counter({role: roles.pop(role, 0) for role in ROLES}) + Counter(other=roles.total())
        peers = GaugeMetricFamily("heliograph_peers", "Registered peers", labels=["role"])
        for role in (*ROLES, "other"):
            peers.add_metric([role], known[role])
        yield peers
        messages = CounterMetricFamily("heliograph_messages", "Messages accepted", labels=["type"])
        for kind, count in metrics.messages.items():
            messages.add_metric([kind], count)
        yield messages
        refusals = CounterMetricFamily("heliograph_refusals", "Messages refused", labels=["code"])
        for code, count in metrics.refusals.items():
            refusals.add_metric([code.value], count)
        yield refusals
        bounds = [*map(str, LATENCY_BUCKETS_S), "+Inf"]
        yield HistogramMetricFamily(
            "heliograph_forward_seconds",
            f"From a frame's arrival to its hand-over to the receiver's connection, of one message in {SAMPLE_EVERY}",
            buckets=list(zip(bounds, map(float, accumulate(metrics.latency_counts)), strict=True)),
            sum_value=metrics.latency_sum_s,
        )
        yield from metrics.more()


def metrics_text(metrics: SignalingMetrics, hub: Hub) -> bytes:
    """The metrics in Prometheus' text format (version 0.0.4)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(metrics, hub))
    return generate_latest(registry)
