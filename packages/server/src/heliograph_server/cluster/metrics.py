"""What a node of a cluster counts, beside what every server counts."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from heliograph_server.cluster.node import ClusterNode

__all__ = ["cluster_metrics"]


def cluster_metrics(node: ClusterNode) -> Iterator[Metric]:
    """The metrics as they are now."""
    bus, switchboard = node.bus, node.switchboard
    doors, ends = switchboard.pipes
    yield GaugeMetricFamily(
        "heliograph_cluster_joined", "Whether the bus answers and knows this node", int(node.joined)
    )
    yield GaugeMetricFamily("heliograph_cluster_nodes", "Living nodes, this one included", len(node.nodes))
    yield GaugeMetricFamily("heliograph_cluster_homes", "Rooms whose home is this node", len(node.homes.here))
    pipes = GaugeMetricFamily("heliograph_cluster_pipes", "Peers whose room is at another node", labels=["end"])
    pipes.add_metric(["door"], doors)
    pipes.add_metric(["home"], ends)
    yield pipes
    yield CounterMetricFamily("heliograph_cluster_gaps", "Losses between this node and another", switchboard.gaps)
    yield CounterMetricFamily("heliograph_cluster_commits", "Commits of rooms", node.scribe.commits)
    yield CounterMetricFamily("heliograph_cluster_lost_rooms", "Rooms that another node took", node.scribe.lost_rooms)
    yield CounterMetricFamily("heliograph_bus_publishes", "Batches sent to other nodes", bus.published)
    yield CounterMetricFamily("heliograph_bus_published_bytes", "Bytes of these batches", bus.published_bytes)
    yield CounterMetricFamily("heliograph_bus_outages", "How often the bus was lost", bus.outages)
    yield GaugeMetricFamily("heliograph_bus_answer_seconds", "How long the bus took to answer last", bus.answer_s)
