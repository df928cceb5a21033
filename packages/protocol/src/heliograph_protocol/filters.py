"""Filters over peers, as one pure function of both.

Unlike types are no match, never an error: a string is not greater than a number, and true is not 1.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec import UNSET, UnsetType

from heliograph_protocol.errors import InvalidMessage
from heliograph_protocol.peers import Filters, Peer

__all__ = [
    "FILTER_CONDITIONS",
    "FILTER_DEPTH",
    "FILTER_VALUES",
    "PeerFilter",
    "compile_filter",
    "json_depth",
    "json_equal",
]

FILTER_DEPTH: Final = 16
"""How deep lists and objects in a filter may nest."""

FILTER_CONDITIONS: Final = 32
"""Conditions on properties, each operator one: every peer of a room is held against every one of them."""

FILTER_VALUES: Final = 64
"""Values inside the lists and objects that properties are compared with. Those directly in `$in` and `$nin` that are
neither do not count: they are looked up, not compared one by one."""

PeerFilter = Callable[[Peer], bool]
_Test = Callable[[Any], bool]


def compile_filter(filters: Filters) -> PeerFilter:
    """The filter as a function. Raises `InvalidMessage`, naming the operator or operand that is wrong, or the bound."""
    tests: list[PeerFilter] = []
    if filters.role is not UNSET:
        roles = _one_or_many(filters.role)
        tests.append(lambda peer: peer.role in roles)
    if filters.state is not UNSET:
        states = _one_or_many(filters.state)
        tests.append(lambda peer: peer.state in states)
    if filters.tags is not UNSET:
        tags = frozenset(filters.tags)
        tests.append(lambda peer: not tags.isdisjoint(peer.metadata.tags))
    if filters.all_tags is not UNSET:
        all_tags = frozenset(filters.all_tags)
        tests.append(lambda peer: bool(all_tags) and all_tags.issubset(peer.metadata.tags))
    if filters.groups is not UNSET:
        groups = frozenset(filters.groups)
        tests.append(lambda peer: not groups.isdisjoint(peer.groups))
    if filters.properties is not UNSET:
        _check_cost(filters.properties)
        tests.extend(_property_test(name, condition) for name, condition in filters.properties.items())
    return lambda peer: all(test(peer) for test in tests)


def json_equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: numbers by value, booleans only to booleans. Recurses as deep as both values go."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(json_equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    return bool(left == right)


def _one_or_many(value: str | list[str]) -> frozenset[str]:
    return frozenset([value] if isinstance(value, str) else value)


def _property_test(name: str, condition: Any) -> PeerFilter:
    if json_depth(condition) > FILTER_DEPTH:
        raise InvalidMessage(f"The filter of the property {name[:64]!r} nests deeper than {FILTER_DEPTH}")
    operators = _operators(condition)
    if not operators:
        tests = [_equals(condition)]
    elif len(operators) < len(condition):
        raise InvalidMessage(f"The filter of the property {name[:64]!r} mixes operators and values")
    else:
        tests = [_operator_test(operator, condition[operator]) for operator in operators]
    return lambda peer: _all_pass(tests, peer.metadata.properties.get(name, UNSET))


def _operators(condition: Any) -> list[str]:
    return [key for key in condition if key.startswith("$")] if isinstance(condition, dict) else []


def _check_cost(properties: dict[str, Any]) -> None:
    """Refuse what would keep a server busy for long in a room of many peers."""
    conditions = values = 0
    for condition in properties.values():
        operators = _operators(condition)
        conditions += len(operators) or 1
        values += sum(_values_inside(operator, condition[operator]) for operator in operators)
        values += 0 if operators else _values_inside("$eq", condition)
    if conditions > FILTER_CONDITIONS:
        raise InvalidMessage(f"A filter has at most {FILTER_CONDITIONS} conditions on properties")
    if values > FILTER_VALUES:
        raise InvalidMessage(f"A filter compares with at most {FILTER_VALUES} values inside lists and objects")


def _values_inside(operator: str, operand: Any) -> int:
    """How many values the lists and objects of an operand hold; those of `$in` and `$nin` are operands of their own."""
    if operator in {"$in", "$nin"} and isinstance(operand, list):
        return sum(_values_inside("$eq", candidate) for candidate in operand if isinstance(candidate, dict | list))
    count, level = 0, [operand]
    while level := _one_level_down(level):
        count += len(level)
    return count


def _all_pass(tests: Iterable[_Test], value: Any) -> bool:
    return all(test(value) for test in tests)


def _operator_test(operator: str, operand: Any) -> _Test:
    """A test of a property's value, `UNSET` where the peer has no such property."""
    match operator:
        case "$eq":
            return _equals(operand)
        case "$ne":
            equals = _equals(operand)
            return lambda value: not equals(value)
        case "$gt":
            return lambda value: _comparable(value, operand) and value > operand
        case "$gte":
            return lambda value: _comparable(value, operand) and value >= operand
        case "$lt":
            return lambda value: _comparable(value, operand) and value < operand
        case "$lte":
            return lambda value: _comparable(value, operand) and value <= operand
        case "$in":
            return _one_of(operator, operand)
        case "$nin":
            one_of = _one_of(operator, operand)
            return lambda value: not one_of(value)
        case "$exists":
            if not isinstance(operand, bool):
                raise InvalidMessage("$exists takes true or false")
            return lambda value: (value is not UNSET) is operand
        case _:
            raise InvalidMessage(f"There is no filter operator {operator[:64]!r}")


def _equals(operand: Any) -> _Test:
    return lambda value: value is not UNSET and json_equal(value, operand)


def _one_of(operator: str, operand: Any) -> _Test:
    if not isinstance(operand, list):
        raise InvalidMessage(f"{operator} takes a list")
    plain = frozenset(_key(candidate) for candidate in operand if not isinstance(candidate, dict | list))
    nested = [candidate for candidate in operand if isinstance(candidate, dict | list)]
    return lambda value: (
        any(json_equal(value, candidate) for candidate in nested)
        if isinstance(value, dict | list)
        else value is not UNSET and _key(value) in plain
    )


def _key(value: Any) -> Any:
    """What is equal for equal plain values only: to Python true is 1."""
    return (value,) if isinstance(value, bool) else value


def _comparable(value: Any, operand: Any) -> bool:
    if isinstance(value, str) and isinstance(operand, str):
        return True
    return _is_number(value) and _is_number(operand)


def _is_number(value: Any | UnsetType) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def json_depth(value: Any) -> int:
    """How deep lists and objects nest, without recursion: a stranger chose the value."""
    depth, level = 0, [value]
    while level := _one_level_down(level):
        depth += 1
    return depth


def _one_level_down(values: list[Any]) -> list[Any]:
    return [
        inner
        for outer in values
        if isinstance(outer, dict | list)
        for inner in (outer.values() if isinstance(outer, dict) else outer)
    ]
