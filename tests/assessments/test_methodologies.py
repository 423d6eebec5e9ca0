"""Types and methodologies: the registers agree, and what was published stays as it was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from app.assessments import types
from app.assessments.types import ALL, AssessmentIn
from app.assessments.types.base import FOLDER, load
from app.assessments.types.psea import PseaMethodology
from tests.assessments.factories import psea_detail
from tests.conftest import ApiFor
from tests.support import Api

PUBLISHED = {
    "HACT-AUDIT-2014.json": "1e99c140762acceff57c1e8faf094b599e9cb16f1900e6cb0229cecb04889735",
    "HACT-SPECIAL-2014.json": "f28fe7379cdebb1349bf852ee81b7218e089bcdf6ab5ccd78a04531eba6d849a",
    "HACT-SPOT-CHECK-2014.json": "7acad6a1e0f841fa0a220ababe01a60bd5b513972a5f0706ebf3c143c34507f7",
    "HACT-VISIT-2014.json": "736c06fdb65944e02b8391c52eb383368e5f775556395b4e4f87cf0033807d03",
    "UN-PSEA-2020.json": "055b29d3e21bddeb8f0653848b418b1d78c3f5a3a9d28e5d9cf0246c33b5cde6",
}
"""SHA-256 of every methodology file ever published. A change is a new methodology."""


def data(name: str = "UN-PSEA-2020") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_bytes())
    return content


def test_no_type_ever_published_has_gone() -> None:
    assert types.__file__ is not None
    lines = (Path(types.__file__).parent / "published.txt").read_text().splitlines()
    published = {line for line in lines if line and not line.startswith("#")}
    assert set(ALL) == published


def test_the_request_accepts_exactly_the_listed_types() -> None:
    schema = TypeAdapter[Any](AssessmentIn).json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(ALL)
    assert get_args(AssessmentIn), "the discriminated union is an annotation"
    assert all(code == kind.code for code, kind in ALL.items())


def test_a_published_methodology_never_changes() -> None:
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.json")
    }
    assert found == PUBLISHED


def test_every_methodology_belongs_to_a_type_and_says_where_it_is_from() -> None:
    codes = [code for kind in ALL.values() for code in kind.methodologies]
    assert sorted(codes) == sorted(path.stem for path in FOLDER.glob("*.json"))
    for kind in ALL.values():
        for methodology in kind.methodologies.values():
            assert methodology.source.document
            assert methodology.source.section
    # From memory, not from a source at hand: an agency has to confirm it first.
    assert not ALL["psea"].methodologies["UN-PSEA-2020"].confirmed


def _gap(content: dict[str, Any]) -> None:
    del content["standards"][3]


def _no_cut_off_for_seven(content: dict[str, Any]) -> None:
    del content["cut_offs"][1]


def _band_above_all(content: dict[str, Any]) -> None:
    content["cut_offs"][0]["bands"][0]["min_met"] = 9


def _bands_out_of_order(content: dict[str, Any]) -> None:
    content["cut_offs"][0]["bands"].reverse()


def _no_floor(content: dict[str, Any]) -> None:
    content["cut_offs"][0]["bands"][-1]["min_met"] = 1


def _unknown_field(content: dict[str, Any]) -> None:
    content["colour"] = "blue"


@pytest.mark.parametrize(
    "spoil",
    [_gap, _no_cut_off_for_seven, _band_above_all, _bands_out_of_order, _no_floor, _unknown_field],
)
def test_inconsistent_data_is_refused(spoil: Any) -> None:
    content = data()
    PseaMethodology.model_validate(content)
    spoil(content)
    with pytest.raises(ValidationError):
        PseaMethodology.model_validate(content)


def test_a_file_is_named_as_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "OTHER.json").write_text(json.dumps(data()))
    monkeypatch.setattr("app.assessments.types.base.FOLDER", tmp_path)
    with pytest.raises(ValueError, match="UN-PSEA-2020"):
        load(PseaMethodology, "psea")


async def test_types_are_listed_with_their_rules(api_for: ApiFor) -> None:
    api = await api_for("WFP", "assessments:read")
    items = (await api.read("/v1/assessment-types"))["items"]
    (psea,) = (item for item in items if item["code"] == "psea")
    (tool,) = psea["methodologies"]
    assert tool["code"] == "UN-PSEA-2020"
    assert tool["confirmed"] is False
    assert tool["validity_months"] == 60
    assert set(tool["source"]) == {"document", "section"}
    assert [item["na_allowed"] for item in tool["rules"]["standards"]].index(True) == 1


async def rate(api: Api, code: str = "psea", **more: Any) -> Any:
    body = {"methodology": "UN-PSEA-2020", "detail": psea_detail(6)} | more
    # No Idempotency-Key: a calculator stores nothing.
    return await api.send(api.build_request("POST", f"/v1/assessment-types/{code}/rate", json=body))


async def test_the_calculator_rates_and_stores_nothing(api_for: ApiFor) -> None:
    api = await api_for("WFP", "assessments:read")
    before = await api.read("/v1/assessments?owner_agency=WFP")
    answer = await rate(api)
    assert answer.status_code == 200
    assert answer.json() == {
        "rating": {
            "scheme": "UN-PSEA-2020",
            "value": "MEDIUM_CAPACITY",
            "dimension": "sea_risk",
            "level": "MODERATE",
            "rating_source": "computed",
        },
        "valid_until": None,
        "summary": {},
    }
    dated = await rate(api, conducted_on="2026-03-01")
    assert dated.json()["valid_until"] == "2031-03-01"
    assert await api.read("/v1/assessments?owner_agency=WFP") == before


async def test_the_calculator_says_what_is_wrong_with_a_detail(api_for: ApiFor) -> None:
    api = await api_for("WFP", "assessments:read")
    incomplete = await rate(api, detail={"standards": psea_detail()["standards"][1:]})
    assert incomplete.status_code == 422
    assert incomplete.json()["code"] == "detail_invalid"
    assert incomplete.json()["errors"][0]["pointer"] == "/detail/standards"
    misshapen = await rate(api, detail={"standards": [{"number": 1, "result": "perhaps"}]})
    assert misshapen.status_code == 422
    assert misshapen.json()["errors"][0]["pointer"] == "/detail/standards/0/result"
    assert "perhaps" not in misshapen.text
    unknown = await rate(api, methodology="UN-PSEA-1999")
    assert unknown.json()["code"] == "methodology_unknown"
    early = await rate(api, conducted_on="2019-12-31")
    assert early.json()["code"] == "methodology_unknown"
    absent = await rate(api, code="astrology")
    assert absent.status_code == 404
    assert absent.json()["code"] == "assessment_type_not_found"


async def test_the_calculator_needs_the_scope(api_for: ApiFor) -> None:
    assert (await rate(await api_for("WFP", "partners:read"))).status_code == 403
