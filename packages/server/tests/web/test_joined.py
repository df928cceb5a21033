"""Modules and style sheets joined into one file."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from heliograph_server.web.assets import Assets, find_assets
from heliograph_server.web.bundle import ModuleProblem, join_modules, join_sheets

FILES = {
    "/page/app.js": """
/** The page. */
import { add, Sum as Total } from './sums.js';
import * as words from '/lib/index.js';
import './effect.js';

/** @typedef {import('./sums.js').Sum} Sum */

// what runs
const total = new Total(/** @type {number} */ (add(1, 2)));
export function main() {
  return [total.value, words.HELLO, words.shout('x'), words.TWO].join();
}
console.log(main());
""",
    "/page/sums.js": """
import { HELLO } from '../lib/words.js';
export const LENGTH = HELLO.length;
export async function* later() {}
export function add(a, b) {
  return a + b;
}
export class Sum {
  constructor(value) {
    this.value = value;
  }
}
""",
    "/page/effect.js": "console.log('effect');\n",
    "/lib/index.js": """
export * from './words.js';
export { two as TWO } from './numbers.js';
""",
    "/lib/words.js": """
export const HELLO = 'hello /* not a comment */';
export const shout = (word) => `${word}!`;
""",
    "/lib/numbers.js": """
export const two = 2;
""",
}


def test_it_does_what_the_modules_do(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node is not None
    script = tmp_path / "joined.mjs"
    script.write_text(join_modules("/page/app.js", FILES.get))
    ran = subprocess.run([node, script], capture_output=True, text=True, check=True)
    assert ran.stdout == "effect\n3,hello /* not a comment */,x!,2\n"


def test_a_module_is_there_once_and_its_comments_are_not() -> None:
    text = join_modules("/page/app.js", FILES.get)
    assert text.count("const HELLO") == 1
    assert "typedef" not in text
    assert "what runs" not in text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"/lib/words.js": None}, "/lib/words.js is not there"),
        ({"/lib/words.js": "import { add } from '/page/sums.js';\n"}, "/page/sums.js → /lib/words.js → /page/sums.js"),
        ({"/lib/words.js": "export default 1;\n"}, "another form"),
        ({"/lib/words.js": "export let HELLO = 1;\n"}, "another form"),
        ({"/page/effect.js": "await import('/lib/words.js');\n"}, "another form"),
        ({"/page/effect.js": "await import(name);\n"}, "another form"),
        ({"/page/effect.js": "console.log(import.meta.url);\n"}, "another form"),
    ],
)
def test_what_is_not_understood_is_said(changed: dict[str, str | None], words: str) -> None:
    files: dict[str, str | None] = {**FILES, **changed}
    read: Callable[[str], str | None] = files.get
    with pytest.raises(ModuleProblem, match=words):
        join_modules("/page/app.js", read)


def test_what_comes_late_is_a_file_of_its_own_and_takes_the_rest_from_the_first(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node is not None
    files = {
        **FILES,
        "/page/app.js": "import { Sum } from './sums.js';\n"
        "import('./late.js').then(({ is }) => console.log(is(new Sum(3))));\n",
        "/page/late.js": "import { Sum } from './sums.js';\nimport { two } from '/lib/numbers.js';\n"
        "export function is(sum) {\n  return [sum instanceof Sum, two].join();\n}\n",
    }
    first = join_modules("/page/app.js", files.get)
    late = join_modules("/page/late.js", files.get, "/page/app.js")
    assert "class Sum" in first
    assert "class Sum" not in late
    assert "const two" in late
    assert "const two" not in first
    assert "import('/joined/late.js?after=app.js')" in first
    for name, text in (("app.mjs", first), ("late.mjs", late)):
        here = text.replace("/joined/late.js?after=app.js", "./late.mjs").replace("/joined/app.js", "./app.mjs")
        (tmp_path / name).write_text(here)
    ran = subprocess.run([node, tmp_path / "app.mjs"], capture_output=True, text=True, check=True)
    assert ran.stdout == "true,2\n"


def test_what_another_folder_gets_late_is_joined_with_it(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node is not None
    files = {
        "/page/app.js": "import { two } from '/lib/index.js';\ntwo().then((number) => console.log(number));\n",
        "/lib/index.js": "export const two = async () => (await import('./late.js')).TWO;\n",
        "/lib/late.js": "export const TWO = 2;\n",
    }
    text = join_modules("/page/app.js", files.get)
    assert "import(" not in text
    (tmp_path / "joined.mjs").write_text(text)
    ran = subprocess.run([node, tmp_path / "joined.mjs"], capture_output=True, text=True, check=True)
    assert ran.stdout == "2\n"


def test_sheets_are_joined_in_their_order() -> None:
    sheets = {"/s/page.css": "@import './a.css';\n@import './deep/b.css';\nc {}\n", "/s/a.css": "/* A */\na {}\n"}
    sheets["/s/deep/b.css"] = "b {}\n"
    assert join_sheets("/s/page.css", sheets.get).split() == ["a", "{}", "b", "{}", "c", "{}"]
    with pytest.raises(ModuleProblem, match="nowhere"):
        join_sheets("/s/nowhere.css", sheets.get)


def test_a_change_is_seen_at_once(tmp_path: Path) -> None:
    assets = Assets(templates=tmp_path / "t", static=tmp_path / "static", sdk=tmp_path / "sdk")
    assets.static.mkdir()
    assets.sdk.mkdir()
    (assets.static / "app.js").write_text("import { one } from '/sdk/one.js';\nconsole.log(one);\n")
    (assets.sdk / "one.js").write_text("export const one = 1;\n")
    first = assets.joined("app.js")
    assert first is not None
    assert first.media_type == "text/javascript"
    assert assets.joined("app.js") == first
    (assets.sdk / "one.js").write_text("export const one = 'another';\n")
    second = assets.joined("app.js")
    assert second is not None
    assert b"another" in second.content
    assert second.etag != first.etag
    assert assets.joined("nowhere.js") is None
    assert assets.joined("../sdk/one.js") is None
    assert assets.joined("app.js", "nowhere.js") is None


@pytest.mark.parametrize(("name", "after"), [("app.js", None), ("room.js", "app.js")])
def test_the_real_page_is_a_program(tmp_path: Path, name: str, after: str | None) -> None:
    node = shutil.which("node")
    assert node is not None
    joined = find_assets().joined(name, after)
    assert joined is not None
    (tmp_path / "app.mjs").write_bytes(joined.content)
    subprocess.run([node, "--check", tmp_path / "app.mjs"], check=True)
