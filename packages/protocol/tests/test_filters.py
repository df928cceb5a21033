"""Filters over peers: every operator by a table, and any metadata under any filter by chance."""

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from heliograph_protocol import Filters, InvalidMessage, Metadata, Peer, compile_filter, json_equal
from heliograph_protocol.filters import FILTER_CONDITIONS, FILTER_DEPTH, FILTER_VALUES

PROPERTIES: dict[str, Any] = {"n": 8, "f": 1.5, "s": "b", "t": True, "z": None, "l": [1, "x"], "o": {"a": {"b": 1}}}


def peer(properties: dict[str, Any] | None = None, **fields: Any) -> Peer:
    metadata = Metadata(tags=fields.pop("tags", []), properties=properties or {})
    defaults: dict[str, Any] = {"role": "worker", "groups": ["default"], "state": "online"}
    return Peer(peer_id="p", metadata=metadata, connected_at=0, **(defaults | fields))


def passes(properties: dict[str, Any], conditions: dict[str, Any]) -> bool:
    return compile_filter(Filters(properties=conditions))(peer(properties))


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"n": 8}, True),
        ({"n": 8.0}, True),
        ({"n": "8"}, False),
        ({"t": True}, True),
        ({"t": 1}, False),
        ({"n": True}, False),
        ({"z": None}, True),
        ({"absent": None}, False),
        ({"l": [1, "x"]}, True),
        ({"l": [1.0, "x"]}, True),
        ({"l": [True, "x"]}, False),
        ({"l": 1}, False),
        ({"o": {"a": {"b": 1}}}, True),
        ({"o": {}}, False),
        ({"n": 8, "s": "b"}, True),
        ({"n": 8, "s": "c"}, False),
        ({"n": {"$eq": 8}}, True),
        ({"absent": {"$eq": None}}, False),
        ({"n": {"$ne": 8}}, False),
        ({"n": {"$ne": "8"}}, True),
        ({"absent": {"$ne": 8}}, True),
        ({"n": {"$gt": 7.5}}, True),
        ({"n": {"$gt": 8}}, False),
        ({"n": {"$gte": 8}}, True),
        ({"n": {"$lt": 8}}, False),
        ({"n": {"$lt": 9}}, True),
        ({"n": {"$lte": 8}}, True),
        ({"n": {"$gt": 1, "$lt": 9}}, True),
        ({"n": {"$gt": 1, "$lt": 8}}, False),
        ({"s": {"$gt": "a"}}, True),
        ({"s": {"$gt": 1}}, False),
        ({"n": {"$gt": "1"}}, False),
        ({"t": {"$gte": 0}}, False),
        ({"n": {"$gt": False}}, False),
        ({"z": {"$lt": 1}}, False),
        ({"l": {"$lt": [9]}}, False),
        ({"absent": {"$lt": 1}}, False),
        ({"n": {"$in": [1, 8]}}, True),
        ({"n": {"$in": [1, 8.0]}}, True),
        ({"n": {"$in": ["8", True, [8]]}}, False),
        ({"n": {"$in": []}}, False),
        ({"t": {"$in": [0, True]}}, True),
        ({"z": {"$in": [0, False, ""]}}, False),
        ({"z": {"$in": [None]}}, True),
        ({"l": {"$in": [1, [1, "x"]]}}, True),
        ({"l": {"$in": [1, "x"]}}, False),
        ({"o": {"$in": [{"a": {"b": True}}, {"a": {"b": 1}}]}}, True),
        ({"t": {"$in": [1]}}, False),
        ({"absent": {"$in": [None]}}, False),
        ({"n": {"$nin": [1, 8]}}, False),
        ({"n": {"$nin": []}}, True),
        ({"absent": {"$nin": [8]}}, True),
        ({"z": {"$exists": True}}, True),
        ({"absent": {"$exists": True}}, False),
        ({"absent": {"$exists": False}}, True),
        ({"n": {"$exists": False}}, False),
        ({}, True),
    ],
)
def test_properties(condition: dict[str, Any], expected: bool) -> None:
    assert passes(PROPERTIES, condition) is expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, True),
        ({"role": "worker"}, True),
        ({"role": "client"}, False),
        ({"role": ["client", "worker"]}, True),
        ({"role": []}, False),
        ({"tags": ["x", "gpu"]}, True),
        ({"tags": ["x"]}, False),
        ({"tags": []}, False),
        ({"all_tags": ["gpu", "fast"]}, True),
        ({"all_tags": ["gpu", "x"]}, False),
        ({"all_tags": []}, False),
        ({"groups": ["g", "x"]}, True),
        ({"groups": ["x"]}, False),
        ({"groups": []}, False),
        ({"state": "online"}, True),
        ({"state": ["away"]}, False),
        ({"role": "worker", "tags": ["x"]}, False),
    ],
)
def test_the_other_conditions(filters: dict[str, Any], expected: bool) -> None:
    one = peer(tags=["gpu", "fast"], groups=["g", "h"])
    assert compile_filter(msgspec.convert(filters, Filters))(one) is expected


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ({"$near": 1}, "$near"),
        ({"$": 1}, "'$'"),
        ({"$eq": 1, "$regex": "."}, "$regex"),
        ({"$in": 1}, "$in"),
        ({"$nin": {"a": 1}}, "$nin"),
        ({"$exists": 1}, "$exists"),
        ({"$eq": 1, "plain": 2}, "mixes"),
        (nested(FILTER_DEPTH + 1), "nests"),
        ({"$eq": nested(FILTER_DEPTH)}, "nests"),
        ([0] * (FILTER_VALUES + 1), "at most"),
        ({"$ne": dict.fromkeys(map(str, range(FILTER_VALUES + 1)), 0)}, "at most"),
        ({"$gt": [[0] * FILTER_VALUES]}, "at most"),
        ({"$nin": [1, [0] * FILTER_VALUES, {"a": 0}]}, "at most"),
    ],
)
def test_a_filter_that_is_none_is_named(condition: Any, named: str) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        compile_filter(Filters(properties={"x": condition}))
    assert named in str(refusal.value)


def test_a_misspelt_condition_is_refused_instead_of_matching_everyone() -> None:
    with pytest.raises(msgspec.ValidationError, match="rolle"):
        msgspec.convert({"rolle": "worker"}, Filters)


def test_depth_up_to_the_bound_is_compared() -> None:
    assert passes({"x": nested(FILTER_DEPTH)}, {"x": nested(FILTER_DEPTH)})
    assert not passes({"x": nested(FILTER_DEPTH + 5)}, {"x": nested(FILTER_DEPTH)})


def test_as_much_as_the_bounds_allow_is_compared() -> None:
    many = {str(number): number for number in range(FILTER_CONDITIONS)}
    assert passes(many, many)
    assert passes({"a": 1}, {"a": {"$ne": 0, "$gte": 1}} | {name: {"$exists": False} for name in list(many)[2:]})
    values = list(range(FILTER_VALUES))
    assert passes({"a": values}, {"a": {"$in": [*values, values]}})


def test_conditions_are_counted_by_operator() -> None:
    with pytest.raises(InvalidMessage, match="conditions"):
        compile_filter(Filters(properties={str(number): number for number in range(FILTER_CONDITIONS + 1)}))
    with pytest.raises(InvalidMessage, match="conditions"):
        compile_filter(
            Filters(properties={str(number): {"$gt": 0, "$lt": 9} for number in range(FILTER_CONDITIONS // 2 + 1)})
        )


def test_a_long_list_of_plain_values_costs_no_more_than_a_short_one() -> None:
    """Compared one by one these take ten seconds, in which a server would do nothing else."""
    matches = compile_filter(Filters(properties={"a": {"$in": list(range(10_000))}}))
    peers = [peer({"a": -number}) for number in range(1, 1_001)]
    began = time.process_time()
    assert not any(map(matches, peers))
    assert time.process_time() - began < 0.5


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.text(max_size=2)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
)
conditions = (
    scalars
    | st.dictionaries(st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), values, min_size=1, max_size=3)
    | st.fixed_dictionaries({}, optional={"$in": st.lists(values, max_size=3), "$nin": st.lists(values, max_size=3)})
    | st.fixed_dictionaries({"$exists": st.booleans()})
)
names = st.sampled_from(["a", "b", "$c"])


def within_bounds(properties: dict[str, Any], conditions: dict[str, Any]) -> bool:
    """`passes`, if chance has not made more than a filter may hold."""
    try:
        return passes(properties, conditions)
    except InvalidMessage as refusal:
        if "at most" not in str(refusal):
            raise
        reject()


@given(st.dictionaries(names, values), st.dictionaries(names, conditions))
def test_no_metadata_crashes_any_filter(properties: dict[str, Any], filters: dict[str, Any]) -> None:
    assert within_bounds(properties, filters) in {True, False}


@given(st.dictionaries(names, values), values, st.lists(values, max_size=3))
def test_negations_negate(properties: dict[str, Any], value: Any, several: list[Any]) -> None:
    assert within_bounds(properties, {"a": {"$ne": value}}) is not passes(properties, {"a": {"$eq": value}})
    assert within_bounds(properties, {"a": {"$nin": several}}) is not passes(properties, {"a": {"$in": several}})


@given(values, st.lists(values, max_size=5))
def test_in_is_equality_with_any(value: Any, several: list[Any]) -> None:
    assert within_bounds({"a": value}, {"a": {"$in": several}}) is any(json_equal(value, one) for one in several)


@given(values, values)
def test_equality_is_that_of_json(left: Any, right: Any) -> None:
    assert json_equal(left, left)
    assert json_equal(left, right) is json_equal(right, left)
    if json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True):
        assert json_equal(left, right)


@given(st.text(min_size=1, max_size=6).map(lambda text: "$" + text))
def test_every_other_operator_is_refused(operator: str) -> None:
    if operator in {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists"}:
        return
    with pytest.raises(InvalidMessage):
        compile_filter(Filters(properties={"x": {operator: 1}}))
