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
from app.assessments.types.psea_methodology import PseaMethodology
from tests.assessments.factories import psea_detail
from tests.conftest import ApiFor
from tests.support import Api

PUBLISHED = {
    "COMMON-PERF-2026.json": "80dda4956a3a9361cb2c062fe34408e7d30b6fdf9fa8961ec0f7d82f4bdc6d20",
    "CORE-VALUES-2019.json": "379e0ec8229efd4f7c8a39d2e63f58fc5840774904861d8c719119c07d1c1875",
    "ECHO-FPA.json": "fdd1d369caa629965f7b8826b964dd67b002c54bd4c31cfdc7b7ea1ad6d59554",
    "FCDO-DD.json": "2bed859320287efb424daf5bbcc7dbd94cfeed6aa4f16ba0b94f4b19769fce71",
    "HACT-ASSUMED.json": "0fa0ec0ac2302ad569331f2fc027263c1b12e44ea24ef62c7845f4d7bc76a503",
    "HACT-AUDIT-2014.json": "1e99c140762acceff57c1e8faf094b599e9cb16f1900e6cb0229cecb04889735",
    "HACT-MA-2014.json": "7fc8be12100554e80101b016821d3174c45c20bf843b66f03ca501b4a02a60b9",
    "HACT-MA-2016.json": "577e575bd9edfa11763b1c560432e3d2dca79f021764ccdb66a8c5abb3663406",
    "HACT-MA-V2.json": "958d833f84c09ffcc1a7218bc0d4b51f8b5a359f9b8e4bf47d4d4588fa6fa242",
    "HACT-SIMPLIFIED.json": "2c7955f6d58de91b610ea63fa1ac6f31b092926bc4bfa73ade2d2ab1dc433317",
    "HACT-SPECIAL-2014.json": "f28fe7379cdebb1349bf852ee81b7218e089bcdf6ab5ccd78a04531eba6d849a",
    "HACT-SPOT-CHECK-2014.json": "7acad6a1e0f841fa0a220ababe01a60bd5b513972a5f0706ebf3c143c34507f7",
    "HACT-VISIT-2014.json": "736c06fdb65944e02b8391c52eb383368e5f775556395b4e4f87cf0033807d03",
    "OCHA-CBPF-CA.json": "e3ba668279842224c1cd85b5dd727829f6666af5867c5d32be8e7166babfbb11",
    "OCHA-CBPF-PI.json": "8d37fe47753584a27e67fcdf908c6c76f2438971224b0ccf3d319dbdda049aca",
    "OCHA-PPI.json": "42c48f31ff1aa14fb45e7fad7d975e4159be82e50bd2661588754cbd0a527a79",
    "OTHER-CAPACITY.json": "d7ffcf7034cc808658b57c6a36323427c00e861da00b7c94b2d3b71e7b16d0f3",
    "UN-PSEA-2020.json": "0049bfeb435ed77ade3850c666ce636b2f92fe62a5cf8a49c0a549c441c67220",
    "UNHCR-CAPACITY.json": "a155f743dacd6341c5abf850c58f1d677cc9f64a9382bb94656331ca99409f28",
    "UNHCR-PERF.json": "4d71f012d5dadccdeed1a377d93f34b212aca7af79f52581c9f876e227ab0b3f",
    "UNHCR-PPQ.json": "351b8ae2480930b952129d25918e5fddee5e8958781e2220678692e969edaef6",
    "UNICEF-PSEA-2020.json": "44638dd027dda10dc358d89b474d2f18761121654186b851f91d0544dc5ae18c",
    "UNPP-DD-2019.json": "9fbaec8893d4200ed8d730e0d86f4a090e0113c48d72e74a138e5d351c7023b0",
    "UNPP-PERF-2019.json": "04e573566933a6030ff60d7946c432f74b0bdb776517c4bb50e37f298c68b6ff",
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
    content["cut_offs"][0]["bands"][0]["min_points"] = 9


def _bands_out_of_order(content: dict[str, Any]) -> None:
    content["cut_offs"][0]["bands"].reverse()


def _no_floor(content: dict[str, Any]) -> None:
    content["cut_offs"][0]["bands"][-1]["min_points"] = 1


def _no_rule_for_evidence(content: dict[str, Any]) -> None:
    content["standards"][0]["evidence"].append("hearsay")


def _unknown_field(content: dict[str, Any]) -> None:
    content["colour"] = "blue"


@pytest.mark.parametrize(
    "spoil",
    [
        _gap,
        _no_cut_off_for_seven,
        _band_above_all,
        _bands_out_of_order,
        _no_floor,
        _no_rule_for_evidence,
        _unknown_field,
    ],
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


async def test_types_are_listed_and_each_is_read_with_its_rules(api_for: ApiFor) -> None:
    api = await api_for("WFP", "assessments:read")
    items = (await api.read("/v1/assessment-types"))["items"]
    assert [item["code"] for item in items] == list(ALL)
    listed = next(item for item in items if item["code"] == "psea")["methodologies"][0]
    tool = (await api.read("/v1/assessment-types/psea"))["methodologies"][0]
    assert listed.items() <= tool.items()
    assert "rules" not in listed, "the list stays short"
    assert tool["code"] == "UN-PSEA-2020"
    assert tool["confirmed"] is False
    assert tool["validity_months"] == 60
    assert set(tool["source"]) == {"document", "section"}
    assert [item["na_allowed"] for item in tool["rules"]["standards"]].index(True) == 1
    newest = await api.read("/v1/assessment-types/hact_micro/methodologies/HACT-MA-V2")
    assert len(newest["rules"]["questions"]) == 100
    assert newest["rules"]["scoring"]["bands"][0] == {"below": "0.15", "value": "LOW"}


async def rate(api: Api, code: str = "psea", **more: Any) -> Any:
    body = {"methodology": "UN-PSEA-2020", "detail": psea_detail(6)} | more
    # No Idempotency-Key: a calculator stores nothing.
    return await api.send(api.build_request("POST", f"/v1/assessment-types/{code}/rate", json=body))


async def test_the_calculator_rates_and_stores_nothing(api_for: ApiFor) -> None:
    api = await api_for("WFP", "assessments:read")
    before = (await api.read("/v1/assessments?owner_agency=WFP"))["items"]
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
        "explanation": {"points": 6, "applicable_standards": 8},
    }
    dated = await rate(api, conducted_on="2026-03-01")
    assert dated.json()["valid_until"] == "2031-03-01"
    assert (await api.read("/v1/assessments?owner_agency=WFP"))["items"] == before


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
