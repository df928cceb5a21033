"""Writes the reference of the Python SDK from its docstrings and signatures."""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import inspect
import pkgutil
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

import heliograph
from heliograph import errors, testing
from heliograph.rpc import errors as rpc_errors

__all__ = ["python_reference"]

SECTIONS: dict[str, tuple[str, ...]] = {
    "Connecting": ("connect", "Session", "Connection", "ConnectReport", "IceServer"),
    "Workers": ("Worker",),
    "In the room": ("Member", "Roster", "Claiming", "Claim"),
    "Channels": ("Channel", "TypedChannel", "MAX_MESSAGE_BYTES"),
    "Remote calls": ("RpcStream",),
    "Files": (
        *("send_file", "send_directory", "receive_files", "ReceivedFiles", "receive_file"),
        *("FileOffer", "SentFile", "ReceivedFile"),
    ),
    "Events": (
        *("RoomEvent", "Registered", "RoomRecreated", "Disconnected", "Undelivered", "ServerComplaint"),
        *("PeerJoined", "PeerUpdated", "PeerAway", "PeerBack", "PeerLeft", "PeerMessage"),
        *("ClaimQueued", "Claimed", "ClaimReleased", "RoomExpiring", "RoomClosed", "ServerDraining"),
        *("ConnectionEvent", "Reconnecting", "Reconnected"),
        *("Peer", "Metadata"),
    ),
    "HTTP": ("create_room", "Api", "Room", "RoomDetails", "Identity", "JoinToken", "IceServers"),
    "Signaling alone": ("SignalingClient", "SignalingEvent", "SignalRefused"),
}
"""What the reference has in which order; errors come last, in the order of their trees."""

MADE_BY_PROGRAMS = {"Worker", "Api", "SignalingClient", "MemoryRoom"}
"""The classes whose constructors are for programs; objects of the others come from somewhere."""

NOT_FOR_PROGRAMS = {
    "Connection": frozenset(
        "prepare establish accept take_answer take_candidate take_refusal take_quit link on_channel".split()  # noqa: SIM905
    ),
    "Channel": frozenset({"reopen", "when_closed", "abandon"}),
    "Claim": frozenset({"end"}),
    "Roster": frozenset({"take", "replace"}),
}
"""Methods without an underscore that other modules of the package call, and nobody else."""

TESTING = "heliograph.testing"
STARS: dict[object, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}

PREAMBLE = """# The Python SDK

<!-- Written by `nox -s generate` from the docstrings; a test fails until that has been run. -->

Everything that `import heliograph` offers. How it fits together is in
[the package's README](../../packages/py-client/README.md), step by step in [the tutorial](../tutorial.md).
Times are in seconds (`_s`), sizes in bytes, points in time in Unix seconds, unless a name or a sentence says otherwise.
"""


def python_reference() -> str:
    """The whole document."""
    sections = {**SECTIONS, "Errors": tuple(_errors())}
    listed = {name for names in sections.values() for name in names}
    if others := tuple(name for name in heliograph.__all__ if name not in listed):
        sections["More"] = others
    sections[TESTING] = tuple(testing.__all__)
    lines = [PREAMBLE]
    for heading, names in sections.items():
        links = ", ".join(f"[`{name}`](#{name.lower()})" for name in names)
        lines.append(f"- **{heading}**: " + (links if heading != "Errors" else "[their tree](#errors)"))
    for heading, names in sections.items():
        lines.append(f"\n## {heading}")
        if heading == "Errors":
            lines += [f"\n{_tree(module)}" for module in (errors, rpc_errors)]
        elif heading == TESTING:
            lines.append(f"\n{_doc(testing)}")
        lines += [_entry(name, testing if heading == TESTING else heliograph) for name in names]
    return "\n".join(lines) + "\n"


def _entry(name: str, module: types.ModuleType) -> str:
    value = getattr(module, name)
    if inspect.isclass(value):
        return "\n".join(_class(name, value))
    if inspect.isfunction(value):
        return f"\n### {name}\n\n{_code(_prefix(value) + name, value)}\n\n{_doc(value)}"
    if isinstance(value, types.UnionType) or typing.get_origin(value) is typing.Union:
        kinds = " | ".join(kind.__name__ for kind in typing.get_args(value))
        return f"\n### {name}\n\n```python\n{name} = {kinds}\n```\n\n{_attribute_doc(name)}"
    return f"\n### {name}\n\n```python\n{name} = {value!r}\n```\n\n{_attribute_doc(name)}"


def _class(name: str, kind: type[Any]) -> Iterator[str]:
    yield f"\n### {name}"
    bases = [base for base in kind.__bases__ if base.__name__ in heliograph.__all__]
    fields = _fields(kind)
    if issubclass(kind, Exception):
        yield f"\nA [`{bases[0].__name__}`](#{bases[0].__name__.lower()})." if bases else "\nAn `Exception`."
    elif fields is not None:
        body = "\n".join(f"    {field}" for field in fields)
        yield f"\n```python\nclass {name}:\n{body}\n```"
    elif name not in MADE_BY_PROGRAMS:
        yield f"\n```python\nclass {name}\n```"
    else:
        yield f"\n{_code(name, kind.__init__)}"
    yield f"\n{_doc(kind)}"
    if bases and not issubclass(kind, Exception):
        yield "\nIt has everything of " + ", ".join(f"[`{b.__name__}`](#{b.__name__.lower()})" for b in bases) + " too."
    for member, value in _members(name, kind):
        yield _member(name, member, value)


def _members(name: str, kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """The public methods and properties: its own, and those of bases that are not public themselves."""
    bases = [base for base in kind.__mro__ if base is kind or base.__name__ not in heliograph.__all__]
    seen: set[str] = set()
    for base in bases:
        if not base.__module__.startswith("heliograph"):
            continue
        for member, value in vars(base).items():
            if member.startswith("_") or member in seen or member in NOT_FOR_PROGRAMS.get(name, ()):
                continue
            function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            if isinstance(value, property | functools.cached_property) or inspect.isfunction(function):
                seen.add(member)
                if inspect.getdoc(value) or not member.startswith("on_"):
                    yield member, value


def _member(owner: str, name: str, value: Any) -> str:
    if isinstance(value, property | functools.cached_property):
        getter = value.fget if isinstance(value, property) else value.func
        returns = inspect.signature(getter).return_annotation if getter else ""
        return f"\n#### `{owner}.{name}`: `{_annotation(returns)}`\n\n{_doc(value)}"
    function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
    return f"\n#### `{owner}.{name}()`\n\n{_code(_prefix(function) + name, function)}\n\n{_doc(function)}"


def _prefix(function: Callable[..., Any]) -> str:
    return "await " if inspect.iscoroutinefunction(function) else ""


def _code(name: str, function: Callable[..., Any]) -> str:
    """The signature, on one line or one parameter a line."""
    signature = inspect.signature(function)
    parts: list[str] = []
    star = False
    parameters = [p for p in signature.parameters.values() if p.name not in {"self", "cls"}]
    for index, parameter in enumerate(parameters):
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts, star = [*parts, "*"], True
        star = star or parameter.kind is parameter.VAR_POSITIONAL
        parts.append(_parameter(parameter))
        following = parameters[index + 1].kind if index + 1 < len(parameters) else None
        if parameter.kind is parameter.POSITIONAL_ONLY and following is not parameter.POSITIONAL_ONLY:
            parts.append("/")
    returns = _annotation(signature.return_annotation)
    end = ")" if returns in {"", "None"} else f") -> {returns}"
    line = f"{name}({', '.join(parts)}{end}"
    if len(line) > 100:
        line = f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + end
    return f"```python\n{line}\n```"


def _parameter(parameter: inspect.Parameter) -> str:
    text = f"{STARS.get(parameter.kind, '')}{parameter.name}"
    if parameter.annotation is not parameter.empty:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        default = parameter.default
        named = callable(default) and hasattr(default, "__name__")
        text += f" = {default.__name__ if named else repr(default)}".replace("<lambda>", "…")
    return text


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Signature.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\bheliograph\w*(?:\.[a-z_]+)*\.(?=[A-Z])", "", text)


def _fields(kind: type[Any]) -> list[str] | None:
    """The fields of a dataclass or Struct, None for other classes."""
    if issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind, include_extras=True)
        return [_struct_field(field.name, hints[field.name]) for field in msgspec.structs.fields(kind)]
    if dataclasses.is_dataclass(kind):
        fields = [field for field in dataclasses.fields(kind) if not field.name.startswith("_")]
        return [f"{field.name}: {_annotation(field.type)}" for field in fields]
    return None


def _struct_field(name: str, hint: Any) -> str:
    """The field without what only the wire is concerned with, and what its metadata says of it."""
    parts = [part for part in _parts(hint) if part is not msgspec.UnsetType]
    bare = [typing.get_args(part)[0] if typing.get_origin(part) is typing.Annotated else part for part in parts]
    kinds = " | ".join(_annotation(part) for part in bare)
    about = [
        meta.description
        for part in parts
        for meta in getattr(part, "__metadata__", ())
        if isinstance(meta, msgspec.Meta) and meta.description
    ]
    return f"{name}: {kinds}" + (f"  # {'; '.join(about)}" if about else "")


def _parts(hint: Any) -> tuple[Any, ...]:
    is_union = isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
    return typing.get_args(hint) if is_union else (hint,)


def _doc(value: Any) -> str:
    return inspect.getdoc(value) or ""


@functools.cache
def _modules() -> list[tuple[types.ModuleType, ast.Module]]:
    packages = [heliograph, importlib.import_module("heliograph_protocol")]
    names = [
        found.name
        for package in packages
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if "__main__" not in found.name and ".cli" not in found.name
    ]
    modules = [importlib.import_module(name) for name in names]
    return [(module, ast.parse(inspect.getsource(module))) for module in modules if module.__file__]


def _attribute_doc(name: str) -> str:
    """The string below the assignment of a constant or a union."""
    for _, tree in _modules():
        for statement, following in zip(tree.body, tree.body[1:], strict=False):
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                text = following.value if isinstance(following, ast.Expr) else None
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    return inspect.cleandoc(text.value)
    return ""


def _tree(module: types.ModuleType) -> str:
    sentence, _, tree = _doc(module).partition("\n\n")
    return f"{sentence}\n\n```text\n{tree}\n```"


def _errors() -> list[str]:
    """The errors, each after the one that it is a kind of."""
    known = [getattr(heliograph, name) for name in heliograph.__all__]
    kinds = [kind for kind in known if inspect.isclass(kind) and issubclass(kind, Exception)]

    def below(kind: type[Exception]) -> Iterator[str]:
        yield kind.__name__
        for each in sorted(kinds, key=lambda error: error.__name__):
            if each.__bases__[0] is kind:
                yield from below(each)

    return list(below(heliograph.HeliographError))
