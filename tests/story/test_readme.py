"""The tour of the README works as printed, one command after the other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.story.conftest import SAMPLE, Registry

_ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour uses curl; there is none here")
async def test_the_tour_works_as_printed(registry: Registry, tmp_path: Path) -> None:
    registry.operate("lists", "import", "unsc", str(SAMPLE))
    blocks = re.findall(r"```sh\n(.*?)```", (_ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks[0].strip() == "make run"
    script = "\n".join(blocks[1:]).replace("http://127.0.0.1:8000", registry.url)
    folder = tmp_path / "checkout"
    (folder / "var").mkdir(parents=True)
    (folder / "var" / "demo-credentials.json").write_text(
        json.dumps(
            {
                "clients": {
                    name: {"client_id": name, "client_secret": secret}
                    for name, secret in registry.world.secrets.items()
                }
            }
        )
    )
    anchor = (registry.folder / "root" / "anchor.json").read_text()
    (folder / "var" / "anchor.json").write_text(anchor)
    done = _bash(script, folder)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    answer = json.loads((folder / "var" / "answer.json").read_text())
    assert answer["outcome"] == "REFER"
    assert answer["reasons"][0]["code"] == "SANCTIONED_OTHER_AGENCY"
    assert answer["recognition"][0]["from_agency"] == "UNICEF"


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
