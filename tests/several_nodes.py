"""A pytest plugin: which tests are left out where each server is several nodes, and why.

`pytest -p several_nodes` with `SERVER_TEST_NODES` above 1 leaves them out, and lists them with their reasons.
"""

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Final

import pytest
from server_process import nodes_of_tests

_OUTLIVE: Final = "sessions outlive the death of all nodes, as Redis goes on"
_OPERATOR: Final = "an operator inspects the node that is connected to"
_BY_THE_OPERATOR: Final = (
    "test_inspector.py::test_a_pair_that_fails_is_explained",
    "test_inspector.py::test_what_peers_call_themselves",
    "test_inspector.py::test_it_is_worked_by_keyboard",
    "test_inspector.py::test_no_secret_is_in_what_the_page_gets",
    "test_inspector.py::test_the_server_in_figures",
    "test_inspector.py::test_whoever_offers_to_names",
    "test_inspector_axe.py",
)
_TLS: Final = "TLS would be the load balancer's"
_BALANCER: Final = "while no node is ready the load balancer leads nowhere, and answers 503 itself"

ONE_NODE: Final[dict[str, str]] = {
    "integration/test_forward_cost.py": "counts the system calls that one process makes for a message",
    "integration/test_registration_cost.py": "counts the calls that one process makes for a registration",
    "integration/test_tls.py": _TLS,
    "e2e/page/test_origins.py::test_our_page_works_on_the_second_port_and_over_tls": _TLS,
    "integration/test_operations.py::test_sign_in_is_limited": "the load balancer has the address of the clients here",
    "integration/test_operations.py::test_metrics": "each node counts for itself; a monitor adds up",
    "integration/test_operations.py::test_a_role_of_ones_own": "each node counts for itself; a monitor adds up",
    "integration/test_operations.py::test_ready_follows": "a node is ready or not by itself",
    "integration/test_inspecting.py::test_an_operator": _OPERATOR,
    **dict.fromkeys((f"e2e/page/{test}" for test in _BY_THE_OPERATOR), _OPERATOR),
    "integration/test_dynamodb.py::test_during_an_outage": _BALANCER,
    "integration/test_dynamodb.py::test_a_server_without_its_table": _BALANCER,
    "integration/test_dynamodb.py::test_a_server_that_waits": _BALANCER,
    "identity/test_process.py::test_a_server_starts_without_the_keys": _BALANCER,
    "integration/test_events.py::test_an_ending_server_says_so": _OUTLIVE,
    "integration/test_session.py::test_open_channels_outlive": _OUTLIVE,
    "integration/test_restarted_server.py": _OUTLIVE,
}
"""Patterns of test ids, and what is different there. `*` stands for anything."""

_LEFT_OUT: Final = pytest.StashKey[dict[str, int]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if nodes_of_tests() == 1:
        return
    left_out: dict[str, int] = {}
    out: list[pytest.Item] = []
    for item in items:
        if (pattern := next(_patterns(item.nodeid), None)) is not None:
            left_out[pattern] = left_out.get(pattern, 0) + 1
            out.append(item)
    items[:] = [item for item in items if item not in out]
    config.hook.pytest_deselected(items=out)
    config.stash[_LEFT_OUT] = left_out


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for pattern, count in config.stash.get(_LEFT_OUT, {}).items():
        terminalreporter.write_line(f"of one node: {pattern} ({count}): {ONE_NODE[pattern]}")


def _patterns(test: str) -> Iterator[str]:
    return (pattern for pattern in ONE_NODE if fnmatch(test, f"*{pattern}*"))
