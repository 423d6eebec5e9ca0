"""``registry policies``: what is in force, what is lacking, and rules in a file."""

from __future__ import annotations

import json
from pathlib import Path

from app.core.settings import Settings
from app.recognition.requirements import ALL
from app.recognition.rules import DEFAULTS
from tests.cli.commands import environment_of, registry
from tests.support import World


async def test_what_is_in_force_is_shown_and_nothing_is_given_twice(
    settings: Settings, world: World
) -> None:
    env = environment_of(settings)
    shown = await registry("policies", "show", "FAO", env=env)
    assert shown.exit_code == 0, shown.output
    assert all(code in shown.stdout for code in ALL)
    given = await registry("policies", "defaults", "FAO", env=env)
    assert given.stdout.strip() == "Nothing was lacking."
    nobody = await registry("policies", "defaults", "NOBODY", env=env)
    assert (nobody.exit_code, nobody.stderr.strip()) == (1, "There is no agency NOBODY.")


async def test_rules_in_a_file_are_checked_place_by_place(tmp_path: Path) -> None:
    rule = dict(next(text for text in DEFAULTS.policies if text.requirement == "PSEA").rules[1])
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps([rule]), "utf-8")
    bad.write_text(json.dumps([rule | {"max_risk": "SOME"}]), "utf-8")
    done = await registry("policies", "check", "PSEA", str(good), env={})
    assert (done.exit_code, done.stdout.strip()) == (0, "The rules of PSEA are good.")
    wrong = await registry("policies", "check", "PSEA", str(bad), env={})
    assert wrong.exit_code == 1
    assert wrong.stdout.startswith("/rules/0/max_risk\tliteral_error\t")
    unknown = await registry("policies", "check", "NOTHING", str(good), env={})
    assert unknown.exit_code == 1
