"""The tables of inputs and outputs in the READMEs of the modules and environments, made from their *.tf files.

`python infra/terraform/tables.py` rewrites what stands between the two markers in each README.
"""

import re
from pathlib import Path

__all__ = ["documented", "readmes", "with_tables"]

ROOT = Path(__file__).parent
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"

_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_ATTRIBUTE = re.compile(r"^  (description|type|default) += (.*)$", re.MULTILINE)


def readmes() -> list[Path]:
    """Those that have tables."""
    return sorted([*ROOT.glob("modules/*/README.md"), *ROOT.glob("environments/*/README.md")])


def documented(folder: Path) -> str:
    """The two tables, of what can be put into a folder's configuration and what comes out of it."""
    blocks = [match for path in sorted(folder.glob("*.tf")) for match in _BLOCK.finditer(path.read_text("utf-8"))]
    inputs = ["| input | what it is | type | default |", "|---|---|---|---|"]
    outputs = ["| output | what it is |", "|---|---|"]
    for block in blocks:
        kind, name = block[1], block[2]
        found = dict(_ATTRIBUTE.findall(block[3]))
        about = found["description"].strip('"').replace('\\"', '"').replace("|", "\\|")
        if kind == "output":
            outputs.append(f"| `{name}` | {about} |")
        else:
            default = f"`{found['default']}`" if "default" in found else "required"
            kind = found["type"] if not found["type"].endswith("{") else found["type"] + "…})"
            inputs.append(f"| `{name}` | {about} | `{kind}` | {default} |")
    return "\n".join([*inputs, "", *outputs, ""])


def with_tables(readme: Path) -> str:
    """The README as it should be."""
    text = readme.read_text("utf-8")
    before, rest = text.split(BEGIN)
    return before + BEGIN + documented(readme.parent) + END + rest.split(END)[1]


if __name__ == "__main__":
    for path in readmes():
        path.write_text(with_tables(path), "utf-8")
