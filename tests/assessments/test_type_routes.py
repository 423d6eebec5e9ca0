"""A type as it is served: rules, stated results, and a schema that stands by itself."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from app.assessments.types import ALL
from tests.conftest import ApiFor

CASES = sorted(ALL)


def example_of(code: str) -> dict[str, Any]:
    """The detail of the example that the contract shows for this type."""
    found: Any = ALL[code].body_model.model_json_schema()["examples"][0]
    assert found["type"] == code
    detail: dict[str, Any] = found["detail"]
    return detail


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if not isinstance(node, dict):
        return []
    here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return here + [found for item in node.values() for found in references(item)]


@pytest.mark.parametrize("code", CASES)
async def test_the_schema_takes_the_example_and_no_unknown_field(
    code: str, api_for: ApiFor
) -> None:
    api = await api_for("WFP", "assessments:read")
    schema = (await api.read(f"/v1/assessment-types/{code}"))["detail_schema"]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    inside = {f"#/$defs/{name}" for name in schema.get("$defs", {})}
    assert set(references(schema)) <= inside, "complete in itself"
    validator = jsonschema.Draft202012Validator(schema)
    detail = example_of(code)
    assert list(validator.iter_errors(detail)) == []
    assert list(validator.iter_errors(detail | {"surprise": 1}))
    for name, value in detail.items():
        if isinstance(value, list) and isinstance(value[0], dict):
            nested = detail | {name: [value[0] | {"surprise": 1}]}
            assert list(validator.iter_errors(nested)), name


@pytest.mark.parametrize("code", CASES)
async def test_the_example_of_the_contract_is_complete_and_can_be_rated(
    code: str, api_for: ApiFor
) -> None:
    api = await api_for("WFP", "assessments:read")
    example = ALL[code].body_model.model_json_schema()["examples"][0]
    body = {name: example[name] for name in ("methodology", "conducted_on", "detail")}
    rated = await api.post(f"/v1/assessment-types/{code}/rate", json=body)
    assert rated.status_code == 200, rated.text
    assert rated.json()["rating"]["scheme"] == example["methodology"]
    assert rated.json()["valid_until"] > example["conducted_on"]


@pytest.mark.parametrize("code", CASES)
async def test_a_type_says_what_may_be_stated_and_what_supersedes(
    code: str, api_for: ApiFor
) -> None:
    api, kind = await api_for("WFP", "assessments:read"), ALL[code]
    shown = await api.read(f"/v1/assessment-types/{code}")
    assert (shown["code"], shown["family"]) == (code, kind.family)
    assert shown["current_per"] == kind.current_per
    assert [item["code"] for item in shown["methodologies"]] == list(kind.methodologies)
    for item in shown["methodologies"]:
        stated = {one["value"]: one["level"] for one in item["stated_results"]}
        assert stated == dict(kind.values(kind.methodologies[item["code"]]))
        assert item["comment_days"] == kind.methodologies[item["code"]].comment_days
        url = f"/v1/assessment-types/{code}/methodologies/{item['code']}"
        assert await api.read(url) == item


async def test_the_rows_of_the_matrix_are_named(api_for: ApiFor) -> None:
    api = await api_for("WFP", "assessments:read")
    rows = {
        code: tuple((await api.read(f"/v1/assessment-types/{code}"))["matrix"].values())
        for code in ("psea", "performance", "due_diligence")
    }
    assert rows == {
        "psea": ("PSEA_SUMMARY", "PSEA_DETAIL"),
        "performance": ("ASSESS_SUMMARY", "PERF_TEXT"),
        "due_diligence": ("ASSESS_SUMMARY", "ASSESS_DETAIL"),
    }


@pytest.mark.parametrize("path", ["psea", "psea/methodologies/UN-PSEA-2020"])
async def test_what_has_not_changed_is_not_sent_again(path: str, api_for: ApiFor) -> None:
    api = await api_for("WFP", "assessments:read")
    url = f"/v1/assessment-types/{path}"
    first = await api.get(url)
    again = await api.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await api.get(url, headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_what_is_not_there_is_a_404(api_for: ApiFor) -> None:
    api = await api_for("WFP", "assessments:read")
    for path, code in (
        ("astrology", "assessment_type_not_found"),
        ("astrology/methodologies/UN-PSEA-2020", "assessment_type_not_found"),
        ("psea/methodologies/UN-PSEA-1999", "methodology_not_found"),
        ("psea/methodologies/COMMON-PERF-2026", "methodology_not_found"),
    ):
        answer = await api.get(f"/v1/assessment-types/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, code), path
    nobody = await api_for("WFP", "partners:read")
    assert (await nobody.get("/v1/assessment-types/psea")).status_code == 403
