"""Adding an assessment type touches its own files, its lines in the registry, and nothing else.

A copy of the application gets a toy type and serves it.
"""

from __future__ import annotations

import asyncio
import difflib
import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema

from app.core.settings import Settings
from tests.cli.commands import clean_environment, environment_of
from tests.confidentiality.matrix import RULES
from tests.confidentiality.rules import OPEN
from tests.contract.contract import contract
from tests.house.source import ROOT
from tests.support import build_world

_TYPES = Path("app/assessments/types")
_TYPE = '''"""A toy: how many wheels it has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.assessments.types.base import (
    AssessmentBase, AssessmentType, Methodology, Rating, error, result,
)
from app.core.errors import FieldError
from app.core.schemas import Schema


class ToyDetail(Schema):
    """What is counted."""

    wheels: Annotated[int, Field(strict=True, ge=0, le=20)] | None = None


class ToyIn(AssessmentBase):
    """A new count."""

    type: Literal["toy"]
    detail: ToyDetail

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90", "type": "toy",
        "methodology": "TOY-2026", "conducted_on": "2026-03-01",
        "confidentiality": "RESTRICTED", "detail": {"wheels": 3},
    }]})


class ToyMethodology(Methodology):
    """From how many wheels on it is safe."""

    enough: int


class Toy(AssessmentType[ToyDetail, ToyMethodology]):
    """The type itself."""

    code = "toy"
    title = "Toy"
    detail_model = ToyDetail
    methodology_model = ToyMethodology
    body_model = ToyIn

    def check(
        self, detail: ToyDetail, methodology: ToyMethodology, *, final: bool
    ) -> list[FieldError]:
        missing = final and detail.wheels is None
        return [error("/detail/wheels", "missing", "count them")] if missing else []

    def rate(self, detail: ToyDetail, methodology: ToyMethodology) -> Rating:
        assert detail.wheels is not None
        safe = detail.wheels >= methodology.enough
        value, level = ("SAFE", "LOW") if safe else ("UNSAFE", "HIGH")
        return result(methodology, value, level, "computed")


TYPE = Toy()
'''
_METHODOLOGY = {
    "code": "TOY-2026",
    "type": "toy",
    "title": "Counting wheels",
    "source": {"document": "The toy handbook", "section": "wheels"},
    "confirmed": False,
    "effective_from": "2026-01-01",
    "effective_to": None,
    "validity_months": 12,
    "dimension": "toy",
    "enough": 4,
}


def _with_toy(tree: Path) -> None:
    """The steps of docs/adding.md."""
    (tree / _TYPES / "toy.py").write_text(_TYPE, "utf-8")
    data = tree / "app/assessments/methodologies/TOY-2026.json"
    data.write_text(json.dumps(_METHODOLOGY), "utf-8")
    register = tree / _TYPES / "__init__.py"
    text = register.read_text("utf-8")
    named = text.replace("    psea,\n", "    psea,\n    toy,\n")
    listed = named.replace("        psea.TYPE,\n", "        psea.TYPE,\n        toy.TYPE,\n")
    assert len({text, named, listed}) == 3
    register.write_text(listed, "utf-8")
    published = tree / _TYPES / "published.txt"
    published.write_text(published.read_text("utf-8") + "toy\n", "utf-8")


def _files(root: Path) -> set[str]:
    found = (root / "app").rglob("*")
    return {
        path.relative_to(root).as_posix()
        for path in found
        if path.is_file() and "__pycache__" not in path.parts
    }


def _run(tree: Path, env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.house.toy"],
        cwd=tree,
        env=clean_environment() | env | {"PYTHONPATH": os.pathsep.join((str(tree), str(ROOT)))},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


async def test_a_new_type_is_its_own_files_and_its_lines_in_the_registry(
    tmp_path: Path, empty_database: Settings
) -> None:
    shutil.copytree(ROOT / "app", tmp_path / "app")
    (tmp_path / "migrations").symlink_to(ROOT / "migrations")
    _with_toy(tmp_path)
    before, after = _files(ROOT), _files(tmp_path)
    assert after - before == {
        "app/assessments/types/toy.py",
        "app/assessments/methodologies/TOY-2026.json",
    }
    changed = filecmp.cmpfiles(ROOT, tmp_path, sorted(before), shallow=False)
    assert changed[1:] == (
        ["app/assessments/types/__init__.py", "app/assessments/types/published.txt"],
        [],
    )
    for name in changed[1]:
        old, new = ((root / name).read_text("utf-8").splitlines() for root in (ROOT, tmp_path))
        lines = [one for one in difflib.ndiff(old, new) if one[0] in "+-"]
        assert [one[0] for one in lines] == ["+"] * len(lines)
        assert all("toy" in one for one in lines)
    world = await build_world(empty_database)
    env = environment_of(empty_database, TOY_SECRETS=json.dumps(world.secrets))
    answers = await asyncio.to_thread(_run, tmp_path, env)
    _served(answers)
    _contract_has_it_and_is_else_the_same(answers["openapi"])


def _served(answers: dict[str, Any]) -> None:
    assert "toy" in answers["types"]
    validator = jsonschema.Draft202012Validator(answers["schema"])
    assert validator.is_valid({"wheels": 3})
    assert not validator.is_valid({"wheels": 3, "surprise": 1})
    assert answers["rated"]["rating"]["value"] == "SAFE"
    rating = {
        "scheme": "TOY-2026",
        "value": "UNSAFE",
        "dimension": "toy",
        "level": "HIGH",
        "rating_source": "computed",
    }
    assert answers["filed"]["rating"] == answers["summary"]["rating"] == rating
    assert answers["filed"]["valid_until"] == "2027-03-01"
    assert answers["bulk"]["status"] == "created"
    assert answers["wrong"] == [422, 422]
    assert answers["listed"] == 2
    assert answers["before_the_share"] == 404
    assert answers["detail"] == {"wheels": 3}
    assert answers["policy"] == "toy"


def _operations(document: dict[str, Any]) -> dict[str, Any]:
    return {one["operationId"]: one for item in document["paths"].values() for one in item.values()}


def _contract_has_it_and_is_else_the_same(made: dict[str, Any]) -> None:
    plain = contract()
    # The matrix has a line for each operation, and there is none more; the hostile tests take
    # fields and examples from the contract.
    assert set(_operations(made)) == set(_operations(plain)) == set(RULES) | OPEN
    old, new = plain["components"]["schemas"], made["components"]["schemas"]
    assert set(new) - set(old) == {"ToyIn", "ToyDetail"}
    assert set(old) <= set(new)
    for name in old:
        assert _plain(_without_toy(new[name])) == _plain(old[name]), name
    others = _operations(made)
    for name, operation in _operations(plain).items():
        assert _plain(_without_toy(others[name])) == _plain(operation), name
    assert _TOY_BODY in json.dumps(others["fileAssessment"])


_TOY_BODY = "#/components/schemas/ToyIn"


def _without_toy(node: Any) -> Any:
    """The same without the code of the toy among others, and its body among theirs."""
    if isinstance(node, list):
        return [_without_toy(item) for item in node if item not in ("toy", {"$ref": _TOY_BODY})]
    if isinstance(node, dict):
        return {name: _without_toy(item) for name, item in node.items() if name != "toy"}
    return node


def _plain(node: Any) -> str:
    """As text, without the digests that shared parts are named by."""
    return re.sub(r"_[0-9a-f]{8}\b", "", json.dumps(node, sort_keys=True))
