"""Rewrites the documents of this folder: `python docs/reference/generate.py`, which `nox -s generate` runs."""

from pathlib import Path

from browser_reference import browser_reference
from command_reference import command_reference
from python_reference import python_reference

DOCUMENTS = {"python.md": python_reference, "command.md": command_reference, "browser.md": browser_reference}

if __name__ == "__main__":
    for name, write in DOCUMENTS.items():
        Path(__file__).with_name(name).write_text(write(), "utf-8")
