"""Writes the reference of the browser SDK from the JSDoc of its modules."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["browser_reference"]

SOURCES: Final = Path(__file__).parents[2] / "packages/js-client/src"
INHERITED: Final = {"Session": ["Member"], "Connection": ["Link", "RemoteCalls"], "Api": ["Credentials", "Http"]}
"""Classes that have no name of their own for programs: their members are shown with those that extend them."""
INSIDE: Final = {
    "Session": {"enter"},
    "Connection": {
        *(
            "id",
            "isOffering",
            "incoming",
            "offer",
            "answer",
            "answerAgain",
            "renegotiate",
            "conclude",
            "candidate",
            "refuse",
            "end",
            "waiting",
        ),
        "answerCalls",
    },
    "IncomingFile": {"announced"},
    "Claim": {"end"},
    "Channel": {"isPlain", "init", "attach", "suspend"},
    "Api": {"call"},
}
"""Members that other modules of the SDK call, and nobody else."""
ORDER: Final = [
    *("connect", "Session", "Connection", "Channel", "JsonChannel", "IncomingFile", "Claim"),
    *("signIn", "createRoom", "Api", "Sha256"),
    *("StateEvent", "ConnectionEvent", "ChannelEvent", "FileEvent"),
]

OPENING: Final = """What `import … from 'heliograph'` offers; `Api` is in `heliograph/api`, `Sha256` in
`heliograph/sha256`. How it fits together is in [the package's README](../../packages/js-client/README.md). Times are in
milliseconds (`Ms`) or seconds (`S`), sizes in bytes. Every error is in the tree at the end.
"""

DOC: Final = r"/\*\*(?P<doc>(?:(?!\*/).)*?)\*/\s*\n"
TOP: Final = re.compile(
    rf"(?:{DOC})?export (?:async )?(?P<kind>class|function) (?P<name>\w+)(?P<rest>[^\n]*)\n(?P<body>.*?)^\}}",
    re.DOTALL | re.MULTILINE,
)
MEMBER: Final = re.compile(
    rf"^  {DOC}  (?P<words>(?:static |async |get |\*)*)(?P<name>[a-zA-Z]\w*)\((?P<arguments>[^\n]*)\) \{{$",
    re.DOTALL | re.MULTILINE,
)
FIELD: Final = re.compile(rf"^  {DOC}  (?P<name>[a-zA-Z]\w*)(?: = [^\n]*)?;$", re.DOTALL | re.MULTILINE)
TYPEDEF: Final = re.compile(r"/\*\*((?:(?!\*/).)*?@typedef(?:(?!\*/).)*?)\*/", re.DOTALL)
TAG: Final = re.compile(r"@(\w+)\s*")


@dataclass
class Doc:
    """What a comment says."""

    words: str = ""
    parameters: list[tuple[str, str, str]] = field(default_factory=list)
    """Type, name, words."""
    tags: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Of each other tag the type and the words."""


def parsed(comment: str) -> Doc:
    """The parts of a comment."""
    text = " ".join(re.sub(r"^\s*\* ?", "", line).strip() for line in comment.strip().splitlines()).strip()
    words, *pieces = TAG.split(text)
    doc = Doc(words.strip())
    for tag, piece in zip(pieces[::2], pieces[1::2], strict=True):
        kind, rest = braced(piece)
        if tag in {"param", "property"}:
            end = rest.find("]") + 1 if rest.startswith("[") else len(rest.partition(" ")[0])
            doc.parameters.append((kind, rest[:end], rest[end:].strip()))
        else:
            doc.tags[tag] = (kind, rest)
    return doc


def braced(text: str) -> tuple[str, str]:
    """What stands in braces at the beginning, which may have braces in it, and the rest."""
    if not text.startswith("{"):
        return "", text.strip()
    depth = 0
    for position, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return short(text[1:position]), text[position + 1 :].strip()
    raise ValueError(f"A brace is not closed: {text}")


def short(kind: str) -> str:
    """A type without the module that it is from."""
    return re.sub(r"import\('[^']*'\)\.", "", kind).strip()


def exported() -> dict[str, re.Match[str]]:
    """What the modules export, by name."""
    found = {}
    for path in sorted(SOURCES.glob("*.js")):
        for match in TOP.finditer(path.read_text("utf-8")):
            found[match["name"]] = match
    return found


def typedefs() -> dict[str, Doc]:
    """The types that comments define, by name."""
    found = {}
    for path in sorted(SOURCES.glob("*.js")):
        for comment in TYPEDEF.findall(path.read_text("utf-8")):
            doc = parsed(comment)
            name, _, words = doc.tags["typedef"][1].partition(" ")
            doc.words = f"{doc.words} {words}".strip()
            found[name] = doc
    return found


def signature(doc: Doc, name: str, words: str) -> str:
    """A call as one writes it: `name(parameter, [optional])`."""
    tops = [parameter for _, parameter, _ in doc.parameters if "." not in parameter]
    kind = doc.tags.get("returns", ("", ""))[0]
    given = ", ".join(re.sub(r"^\[(.*?)(?:=.*)?\]$", r"\1?", top) for top in tops)
    call = name if "get " in words else f"{'static ' if 'static ' in words else ''}{name}({given})"
    return f"{call}: {kind}" if kind else call


def described(doc: Doc) -> Iterator[str]:
    """The words of a comment, its parameters as a list, its errors."""
    if doc.words:
        yield f"{doc.words}\n"
    lines = []
    for kind, name, words in doc.parameters:
        optional = " (optional)" if name.startswith("[") else ""
        lines.append(f"- `{name.strip('[]')}`{optional}: `{kind}`" + (f", {words}" if words else ""))
    if lines:
        yield "\n".join(lines) + "\n"
    if (returns := doc.tags.get("returns")) and returns[1]:
        yield f"Returns: {returns[1].removesuffix('.')}.\n"
    if (base := doc.tags.get("extends")) and (events := re.match(r"\w+<(.*)>$", base[0], re.DOTALL)):
        yield f"Events, for `on(type, listener, options)`: `{events[1]}`\n"
    if thrown := doc.tags.get("throws"):
        yield f"Throws `{thrown[0].replace('errors.', '')}`{f' {thrown[1]}' if thrown[1] else ''}.\n"


def members(match: re.Match[str], hidden: set[str]) -> Iterator[tuple[str, Doc]]:
    """What an object of a class has, in the order of the source: the heading of each, and its comment."""
    found = [*MEMBER.finditer(match["body"]), *FIELD.finditer(match["body"])]
    for one in sorted(found, key=re.Match.start):
        if one["name"] in hidden | {"constructor", "super"}:
            continue
        doc = parsed(one["doc"])
        kind = doc.tags.get("type", ("", ""))
        if one.re is FIELD:
            doc.words = f"{doc.words} {kind[1]}".strip()
            yield f"{one['name']}: {kind[0]}" if kind[0] else one["name"], doc
        else:
            yield signature(doc, one["name"], one["words"]), doc


def browser_reference() -> str:
    """The whole document."""
    known, types = exported(), typedefs()
    parts = [
        "# The browser SDK\n",
        "<!-- Written by `nox -s generate` from the modules' comments; a test fails until that has been run. -->\n",
        OPENING,
    ]
    for name in ORDER:
        match = known[name]
        doc = parsed(match["doc"] or "")
        parts.append(f"## {name}\n")
        if match["kind"] == "function":
            parts.append(f"```ts\n{signature(doc, name, '')}\n```\n")
        parts += described(doc)
        if match["kind"] == "class":
            for of in [name, *INHERITED.get(name, [])]:
                for heading, about in members(known[of], INSIDE.get(name, set())):
                    member = re.split(r"[(:]", heading)[0]
                    parts.append(f"### {name}: {member}\n\n```ts\n{heading}\n```\n")
                    parts += described(about)
    text = "\n".join(parts)
    parts.append("## Types\n")
    shown: set[str] = set()
    while fresh := sorted(name for name in types if name not in shown and re.search(rf"\b{name}\b", text)):
        shown.update(fresh)
        for name in fresh:
            text += " ".join(kind for kind, _, _ in types[name].parameters) + types[name].tags["typedef"][0]
    for name in sorted(shown):
        doc = types[name]
        parts.append(f"### {name}\n")
        if (kind := doc.tags["typedef"][0]) != "object":
            parts.append(f"```ts\n{kind}\n```\n")
        parts += described(Doc(doc.words, doc.parameters))
    tree = re.search(r"^ \*\n(.*?)^ \*\n", (SOURCES / "errors.js").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    if tree is None:
        raise ValueError("errors.js has no tree")
    lines = [line.removeprefix(" *").removeprefix("     ").rstrip() for line in tree[1].splitlines()]
    drawn = "\n".join(lines)
    parts.append(
        f"## Errors\n\n```\n{drawn}\n```\n\nAn aborted wait throws the signal's own reason, as `fetch` does.\n"
    )
    return "\n".join(parts)
