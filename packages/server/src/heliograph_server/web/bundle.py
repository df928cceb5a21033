"""A page's ES modules as one file: one request in place of eighty, and a third of the bytes. Its style sheets too.

The modules stay what they are, one noun a file, and need no build step: they are joined when they are asked for. Each
becomes a function that runs once, after those that it imports. What a module gets with `import('./late.js')` stays out
until then: it is joined to a file of its own, without the modules that the first file has already. What a module of
another folder, the SDK's, gets that way is joined with it: the page has it then, even when the server is gone.

Only the forms of `import` and `export` that the modules use are understood; anything else, and modules that import each
other in a circle, is a `ModuleProblem`.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["ModuleProblem", "join_modules", "join_sheets"]

COMMENT: Final = re.compile(r"/\*\*.*?\*/|^[ \t]*//[^\n]*\n", re.DOTALL | re.MULTILINE)
IMPORT: Final = re.compile(r"^import\s+(?:(\{[^}]*\}|\*\s+as\s+\w+)\s+from\s+)?'([^']+)';\n", re.MULTILINE)
REEXPORT: Final = re.compile(r"^export\s+(\{[^}]*\}|\*)\s+from\s+'([^']+)';\n", re.MULTILINE)
DECLARED: Final = re.compile(r"^export\s+(?=(?:async\s+)?(?:function\b\s*\*?|class|const)\s*(\w+))", re.MULTILINE)
LATE: Final = re.compile(r"\bimport\('\./(\w[\w-]*\.js)'\)")
OTHER: Final = re.compile(r"^(?:export|await|import(?!\())\b|\bimport\s*(?:\.|\((?!'/joined/))", re.MULTILINE)
SHARED: Final = "$shared"
CSS_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
CSS_IMPORT: Final = re.compile(r"^@import '([^']+)';\n", re.MULTILINE)
BLANK: Final = re.compile(r"\n\s*\n+")


class ModuleProblem(Exception):
    """A file that can't be joined; the text says which one and why."""


def join_modules(entry: str, read: Callable[[str], str | None], after: str | None = None) -> str:
    """The module at the address `entry` and all that it imports, as the text of one module.

    `read` gives the text of the module at an absolute address, None if there is none. With `after`, it leaves out what
    the file joined for that module has. Raises `ModuleProblem`.
    """
    first = _Join(read, after or entry)
    whole = first.whole(after or entry)
    if after is None:
        return whole
    return _Join(read, after, known=first.names).whole(entry)


def join_sheets(entry: str, read: Callable[[str], str | None]) -> str:
    """The style sheet at the address `entry`, with those that it imports in the places of the imports.

    Raises `ModuleProblem`.
    """
    source = read(entry)
    if source is None:
        raise ModuleProblem(f"{entry} is not there")
    plain = CSS_COMMENT.sub("", source)
    text = CSS_IMPORT.sub(lambda found: join_sheets(_resolve(found[1], entry), read), plain)
    return BLANK.sub("\n", text)


class _Join:
    def __init__(self, read: Callable[[str], str | None], first: str, known: Mapping[str, str] | None = None) -> None:
        self._read = read
        self._first = first
        """The entry of the file that is loaded first."""
        self.names: dict[str, str] = {address: f"{SHARED}.{name}" for address, name in (known or {}).items()}
        """What stands for each module that is there."""
        self._is_late = known is not None
        self._open: list[str] = []
        """Those that wait for what they import."""
        self._exports: dict[str, list[str]] = {}
        self._text: list[str] = []

    def whole(self, entry: str) -> str:
        name = self._add(entry)
        if self._is_late:
            exports = self._exports.get(entry, [])
            if any(not export.isidentifier() for export in exports):
                raise ModuleProblem(f"{entry} is loaded late, and exports what is not its own")
            self._text.insert(0, f"import {{ {SHARED} }} from '/joined/{posixpath.basename(self._first)}';\n")
            self._text.append(f"export const {{ {', '.join(exports)} }} = {name};\n")
        else:
            self._text.append(f"export const {SHARED} = {{ {', '.join(self.names.values())} }};\n")
        return "".join(self._text)

    def _add(self, address: str) -> str:
        if address in self.names:
            return self.names[address]
        if address in self._open:
            raise ModuleProblem(f"These import each other: {' → '.join([*self._open, address])}")
        source = self._read(address)
        if source is None:
            raise ModuleProblem(f"{address} is not there; {self._open[-1:] or 'nobody'} asks for it")
        self._open.append(address)
        head: list[str] = []
        exports: list[str] = []
        body = COMMENT.sub("", source.replace("\r\n", "\n"))
        for what, specifier in IMPORT.findall(body):
            module = self._add(_resolve(specifier, address))
            if what.startswith("{"):
                head.append(f"const {what.replace(' as ', ': ')} = {module};\n")
            elif what:
                head.append(f"const {what.split()[-1]} = {module};\n")
        for what, specifier in REEXPORT.findall(body):
            module = self._add(_resolve(specifier, address))
            exports += [f"...{module}"] if what == "*" else _picked(what, module)
        exports += DECLARED.findall(body)
        body = DECLARED.sub("", REEXPORT.sub("", IMPORT.sub("", body)))
        body = LATE.sub(lambda found: self._late(found[1], address), body)
        if found := OTHER.search(body):
            raise ModuleProblem(f"{address} has an import or export of another form: {body[found.start() :][:60]!r}")
        name = f"$module{len(self.names)}"
        body = BLANK.sub("\n", "".join(head) + body)
        self._text.append(f"const {name} = (() => {{\n{body.strip()}\nreturn {{ {', '.join(exports)} }};\n}})();\n")
        self._open.pop()
        self.names[address] = name
        self._exports[address] = exports
        return name

    def _late(self, name: str, importer: str) -> str:
        """What stands for `import('./name')` in a module."""
        if posixpath.dirname(importer) == posixpath.dirname(self._first):
            return f"import('/joined/{name}?after={posixpath.basename(self._first)}')"
        return f"Promise.resolve({self._add(_resolve(name, importer))})"


def _resolve(specifier: str, importer: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), specifier))


def _picked(braces: str, module: str) -> list[str]:
    names = [part.split(" as ") for part in re.split(r"\s*,\s*", braces.strip("{} \n")) if part]
    return [f"{pair[-1].strip()}: {module}.{pair[0].strip()}" for pair in names]
