"""The tour of the README and the examples of the guides work as printed, one after the other."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.story.conftest import SAMPLE, Registry

pytestmark = pytest.mark.timeout(240)
_ROOT = Path(__file__).parents[2]
# What the last words of an example are, as its comment says.
_LAST = {
    "lists": r"\bunsc\tshared\t",
    "sanctions": r"RELEASED$",
    "matches": r"decided$",
    "public_authorities": r"36000.00$",
}


def _blocks(page: str) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", (_ROOT / page).read_text(), re.DOTALL)


def _works(page: str, folder: Path, functions: str = "") -> None:
    """The one example of a guide, after the functions of the tour."""
    (block,) = _blocks(f"docs/{page}.md")
    done = _bash(functions + block, folder)
    assert done.returncode == 0, (page, done.stdout[-2_000:] + done.stderr[-2_000:])
    assert re.search(_LAST[page], done.stdout.strip()), (page, done.stdout[-500:])


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour uses curl; there is none here")
async def test_the_tour_and_the_examples_work_as_printed(
    registry: Registry, tmp_path: Path
) -> None:
    registry.operate("lists", "import", "unsc", str(SAMPLE))
    blocks = _blocks("README.md")
    assert blocks[0].strip() == "make run"
    script = "\n".join(blocks[1:]).replace("http://127.0.0.1:8000", registry.url)
    folder = registry.checkout(tmp_path)
    done = _bash(script, folder)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    answer = json.loads((folder / "var" / "answer.json").read_text())
    assert answer["outcome"] == "REFER"
    assert answer["reasons"][0]["code"] == "SANCTIONED_OTHER_AGENCY"
    assert answer["recognition"][0]["from_agency"] == "UNICEF"
    functions = blocks[1].replace("http://127.0.0.1:8000", registry.url)
    for page in ("sanctions", "matches", "public_authorities"):
        _works(page, folder, functions)
    refused = json.loads((folder / "var" / "refused.json").read_text())
    assert refused["link"] == "/v1/transfer-restrictions"


@pytest.mark.drill
async def test_the_commands_of_lists_work_as_printed(registry: Registry, tmp_path: Path) -> None:
    """Each starts a process of its own, which takes seconds; tests/cli runs the same inside one."""
    folder = registry.checkout(tmp_path)
    (folder / "app").symlink_to(_ROOT / "app")
    names = sorted(name for name in registry.env if name.startswith("REGISTRY_"))
    settings = [f"export {name}={shlex.quote(registry.env[name])}" for name in names]
    (folder / "var" / "demo.env").write_text("\n".join(settings))
    _works("lists", folder)


def _bash(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    bin_folder = str(Path(sys.executable).parent)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
