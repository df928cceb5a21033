"""From settings to a node of a cluster. The client library is an optional part of the installation."""

import time
from functools import partial

from heliograph_server.cluster.bus_url import read_bus_url
from heliograph_server.cluster.likeness import likeness
from heliograph_server.cluster.node import ClusterNode
from heliograph_server.settings import Settings

__all__ = ["ClusterUnusable", "cluster_node"]

NOT_INSTALLED = "redis is not installed, which HELIOGRAPH_CLUSTER_URL needs: pip install 'heliograph-server[cluster]'"


class ClusterUnusable(Exception):
    """A cluster was chosen, and there can be none. The text is one sentence for the operator."""


def cluster_node(settings: Settings, key: str) -> ClusterNode | None:
    """This node, None if it is alone; `key` is the one that it signs with. Raises `ClusterUnusable`."""
    if not settings.cluster_url:
        return None
    try:
        from heliograph_server.cluster.redis_bus import RedisBus  # noqa: PLC0415
    except ImportError as error:
        raise ClusterUnusable(NOT_INSTALLED) from error
    bus = RedisBus(read_bus_url(settings.cluster_url, settings.cluster_ca))
    return ClusterNode(
        bus,
        bus,
        bus,
        likeness=partial(likeness, settings, key),
        monotonic=time.perf_counter,
        rate_per_s=settings.rate_limit,
    )
