"""The guide's commands, run as they stand there."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import pytest

from app.sanctions.screening.rules import RULES
from tests.conftest import ApiFor

_GUIDE = Path(__file__).parents[3] / "docs" / "screening_api.md"
pytestmark = pytest.mark.usefixtures("filled")


async def test_the_commands_of_the_guide_work(port: int, api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    await wfp.take_token()
    token = wfp.headers["Authorization"].removeprefix("Bearer ")
    env = os.environ | {"REG": f"http://127.0.0.1:{port}", "TOKEN": token}
    outputs = []
    for block in re.findall(r"```sh\n(.*?)```", _GUIDE.read_text("utf-8"), re.S):
        child = await asyncio.create_subprocess_exec(
            *("bash", "-ec", block),
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await child.communicate()
        assert child.returncode == 0, (block, error.decode())
        outputs.append(out.decode())
    one, many, pair, matched = outputs
    assert json.loads(one)["role"] == "VENDOR"
    first, second = map(json.loads, many.splitlines())
    # Other tests list parties of all kinds of names.
    assert first["screening"]["outcome"] in ("no_hit", "potential_match")
    assert second["error"]["errors"][0]["pointer"] == "/subject/names"
    assert json.loads(pair)["match"] is True
    assert '"responses"' in matched
    assert '"datasets"' in matched


def test_the_guide_says_what_the_rules_say() -> None:
    guide = _GUIDE.read_text("utf-8")
    for role in RULES.roles:
        assert f"| `{role}`" in guide
    assert f"a batch has {RULES.persons_without_organisation} persons" in guide
