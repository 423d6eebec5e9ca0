"""The PSEA type: cut-offs, N/A, special and reported ratings (domain.md 4.3)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from app.assessments.types import psea
from app.assessments.types.psea import PseaDetail, PseaIn
from app.assessments.types.psea_methodology import PseaMethodology
from tests.assessments.factories import assessment_body, make_assessment, psea_detail
from tests.conftest import ApiFor
from tests.partners.factories import make_partner

TOOL: PseaMethodology = psea.TYPE.methodologies["UN-PSEA-2020"]
LEGACY: PseaMethodology = psea.TYPE.methodologies["UNICEF-PSEA-2020"]
FULL, MEDIUM, LOW = (
    ("FULL_CAPACITY", "LOW"),
    ("MEDIUM_CAPACITY", "MODERATE"),
    ("LOW_CAPACITY", "HIGH"),
)


def rate(**detail: Any) -> tuple[str, str | None, str]:
    rating = psea.TYPE.rate(PseaDetail.model_validate(detail), TOOL)
    assert rating.scheme == "UN-PSEA-2020"
    assert rating.dimension == "sea_risk"
    return rating.value, rating.level, rating.rating_source


def faults(detail: dict[str, Any], *, final: bool = True) -> list[tuple[str, str]]:
    errors = psea.TYPE.check(PseaDetail.model_validate(detail), TOOL, final=final)
    return [(error.pointer, error.code) for error in errors]


@pytest.mark.parametrize(
    ("met", "expected"),
    [(8, FULL), (7, MEDIUM), (6, MEDIUM), *((n, LOW) for n in range(6))],
)
def test_cut_offs_with_eight_applicable_standards(met: int, expected: tuple[str, str]) -> None:
    assert faults(psea_detail(met)) == []
    assert rate(**psea_detail(met)) == (*expected, "computed")


@pytest.mark.parametrize(
    ("met", "expected"),
    [(7, FULL), (6, MEDIUM), (5, MEDIUM), *((n, LOW) for n in range(5))],
)
def test_cut_offs_when_subcontracting_does_not_apply(met: int, expected: tuple[str, str]) -> None:
    assert faults(psea_detail(met, skip=2)) == []
    assert rate(**psea_detail(met, skip=2)) == (*expected, "computed")


@pytest.mark.parametrize("number", [1, 3, 4, 5, 6, 7, 8])
def test_only_the_second_standard_may_be_not_applicable(number: int) -> None:
    fault = (f"/detail/standards/{number - 1}/result", "always_applicable")
    assert faults(psea_detail(skip=number)) == [fault]
    assert faults(psea_detail(skip=number), final=False) == [fault]


def test_the_order_of_the_answers_does_not_matter() -> None:
    detail = psea_detail(6)
    assert rate(standards=detail["standards"][::-1]) == rate(**detail)


def test_each_standard_is_answered_exactly_once() -> None:
    standards = psea_detail()["standards"]
    assert faults({"standards": standards[:-1]}) == [("/detail/standards", "standard_missing")]
    assert faults({"standards": [*standards[:-1], standards[0]]}) == [
        ("/detail/standards", "standard_repeated"),
        ("/detail/standards", "standard_missing"),
    ]


def test_a_draft_may_lack_answers_but_not_repeat_one() -> None:
    standards = psea_detail()["standards"]
    assert faults({}, final=False) == []
    assert faults({"standards": standards[:3]}, final=False) == []
    repeated = [("/detail/standards", "standard_repeated")]
    assert faults({"standards": standards[:1] * 2}, final=False) == repeated


@pytest.mark.parametrize("number", [0, 9, -1, True, "1", 1.0])
def test_a_standard_is_one_of_eight(number: object) -> None:
    with pytest.raises(ValueError, match="number"):
        PseaDetail.model_validate({"standards": [{"number": number, "result": "met"}]})


@pytest.mark.parametrize(
    ("value", "level"),
    [("LOW_CAPACITY_ASSUMED_EMERGENCY", "HIGH"), ("NO_CONTACT_WITH_BENEFICIARIES", None)],
)
def test_a_special_rating_is_judged_with_reason_and_author(value: str, level: str | None) -> None:
    judged = {"special_rating": value, "reason": "flood response", "author": "Head of office"}
    assert faults(judged) == []
    assert rate(**judged) == (value, level, "reported")
    for name in ("reason", "author"):
        lacking = {key: item for key, item in judged.items() if key != name}
        assert faults(lacking) == [(f"/detail/{name}", "missing")]
        assert faults(lacking, final=False) == []


@pytest.mark.parametrize("value", ["FULL_CAPACITY", "NOT_ASSESSED"])
def test_a_judgement_cannot_replace_the_computation(value: str) -> None:
    judged = {"special_rating": value, "reason": "because", "author": "somebody"}
    assert faults(judged) == [("/detail/special_rating", "unknown_value")]


def test_a_result_reported_from_elsewhere_names_its_report() -> None:
    reported = {"reported_value": "MEDIUM_CAPACITY", "report_reference": "OCHA/KE/2026/4"}
    assert faults(reported) == []
    assert rate(**reported) == (*MEDIUM, "reported")
    assert faults({"reported_value": "MEDIUM_CAPACITY"}) == [
        ("/detail/report_reference", "missing")
    ]
    assert faults(reported | {"reported_value": "GOOD_CAPACITY"}) == [
        ("/detail/reported_value", "unknown_value")
    ]


def test_a_detail_has_exactly_one_form() -> None:
    reported = {"reported_value": "MEDIUM_CAPACITY", "report_reference": "R"}
    assert faults({}) == [("/detail", "one_form")]
    assert faults(psea_detail() | reported) == [("/detail", "one_form")]
    assert faults(psea_detail() | {"reason": "x"}) == [("/detail/reason", "not_expected")]
    assert faults(reported | {"author": "x"}) == [("/detail/author", "not_expected")]


def test_validity_counts_sixty_months_from_completion() -> None:
    assert TOOL.valid_until(date(2026, 3, 1)) == date(2031, 3, 1)
    assert TOOL.valid_until(date(2024, 2, 29)) == date(2029, 2, 28)


# ----------------------------------------------------------------------- evidence, sub-partners


def one(number: int, **more: Any) -> dict[str, Any]:
    """Answers of which one says more."""
    standards = psea_detail()["standards"]
    standards[number - 1] |= more
    return {"standards": standards}


def test_evidence_is_a_kind_that_the_standard_knows() -> None:
    assert faults(one(1, evidence=["code_of_conduct", "psea_policy"])) == []
    strange = [("/detail/standards/0/evidence/1", "unknown_evidence")]
    assert faults(one(1, evidence=["psea_policy", "training_agenda"])) == strange
    repeated = [("/detail/standards/0/evidence/1", "evidence_repeated")]
    assert faults(one(1, evidence=["psea_policy"] * 2)) == repeated


def test_other_evidence_is_described_once_it_is_final() -> None:
    assert faults(one(2, evidence=["other"])) == [("/detail/standards/1/comment", "missing")]
    assert faults(one(2, evidence=["other"]), final=False) == []
    assert faults(one(2, evidence=["other"], comment="clauses in leases")) == []


@pytest.mark.parametrize("evidence", [["Psea_policy"], [1], "psea_policy", [" psea_policy"]])
def test_evidence_is_a_list_of_codes(evidence: object) -> None:
    with pytest.raises(ValidationError, match="evidence"):
        PseaDetail.model_validate(one(1, evidence=evidence))


def test_every_standard_has_kinds_of_evidence_and_another() -> None:
    for tool in (TOOL, LEGACY):
        for standard in tool.standards:
            assert len(standard.evidence) >= 2
            assert "other" in standard.evidence


def test_sub_partners_make_their_standard_apply() -> None:
    left_out = psea_detail(7, skip=2)
    wrong = [("/detail/standards/1/result", "has_sub_partners")]
    assert faults(left_out | {"has_sub_partners": True}) == wrong
    assert faults(left_out | {"has_sub_partners": False}) == []
    with pytest.raises(ValidationError, match="has_sub_partners"):
        PseaDetail.model_validate(psea_detail() | {"has_sub_partners": "three"})


# -------------------------------------------------------------------------- why assessed locally


@pytest.mark.parametrize(
    "reason",
    ["decentralised", "sea_allegation", "global_policy_not_implemented", "high_risk_context"],
)
def test_a_country_office_is_assessed_locally_for_a_reason(reason: str) -> None:
    assert faults(psea_detail() | {"local_reason": reason}) == []
    assert rate(**psea_detail(), local_reason=reason) == (*FULL, "computed")
    unknown = [("/detail/local_reason", "unknown_reason")]
    assert faults(psea_detail() | {"local_reason": "because"}) == unknown


def test_that_there_is_an_allegation_only_the_owner_reads() -> None:
    detail = psea_detail() | {"local_reason": "sea_allegation"}
    for shown in (psea.TYPE.disclose(detail), psea.TYPE.for_partner(detail)):
        assert shown == psea_detail()
    assert psea.TYPE.summarise(PseaDetail.model_validate(detail), TOOL) == {}
    harmless = psea_detail() | {"local_reason": "decentralised"}
    assert psea.TYPE.disclose(harmless) == harmless


async def test_the_marker_is_not_in_what_another_agency_reads(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    detail = psea_detail() | {"local_reason": "sea_allegation"}
    made = await make_assessment(unicef, confidentiality="INTER_AGENCY", detail=detail)
    url = f"/v1/assessments/{made['id']}"
    assert (await unicef.read(f"{url}/detail"))["detail"] == detail
    for path in (url, f"{url}/detail"):
        assert "allegation" not in (await wfp.get(path)).text


# ----------------------------------------------------------------------- what is never stored


@pytest.mark.parametrize(
    "text",
    [
        "the survivor named Amina spoke to us",
        "a victim, aged 15, was referred",
        "Complainant was named in the file",
        "a 14-year-old came forward",
        "a 9 year old girl",
    ],
)
def test_what_reads_like_a_case_is_refused(text: str) -> None:
    code = "sea_data_refused"
    assert faults(one(6, comment=text)) == [("/detail/standards/5/comment", code)]
    assert faults(one(6, comment=text), final=False) == [("/detail/standards/5/comment", code)]
    judged = {"special_rating": "LOW_CAPACITY_ASSUMED_EMERGENCY", "author": "Head of office"}
    assert faults(judged | {"reason": text}) == [("/detail/reason", code)]
    reported = {"reported_value": "LOW_CAPACITY", "report_reference": text}
    assert faults(reported) == [("/detail/report_reference", code)]


@pytest.mark.parametrize(
    "text",
    [
        "Survivors are referred within 72 hours; hotline +254 20 7621234, psea@amani.example",
        "The form asks for no survivor's name.",
        "Training for volunteers aged 18 and over, 40 people, 3 years in a row",
        "A 5-year policy names focal points for complainants.",
    ],
)
def test_what_a_system_is_like_may_be_said(text: str) -> None:
    assert faults(one(5, comment=text)) == []


def test_texts_are_no_longer_than_needed() -> None:
    PseaDetail.model_validate(one(1, comment="x" * 500))
    for long in (one(1, comment="x" * 501), {"reason": "x" * 501}):
        with pytest.raises(ValidationError):
            PseaDetail.model_validate(long)


def test_the_contract_says_what_is_never_stored() -> None:
    shapes = PseaDetail.model_json_schema()
    comment = shapes["$defs"]["StandardResult"]["properties"]["comment"]
    for field in (comment, shapes["properties"]["reason"]):
        assert "never an allegation" in field["description"]


async def test_a_refused_text_is_not_repeated(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    sent = assessment_body(partner["id"], detail=one(6, comment="the survivor named Amina"))
    refused = await unicef.post("/v1/assessments", json=sent)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "sea_data_refused"
    assert "Amina" not in refused.text


def test_the_examples_are_valid_and_complete() -> None:
    (detail,) = PseaDetail.model_json_schema()["examples"]
    assert faults(detail) == []
    (body,) = PseaIn.model_json_schema()["examples"]
    assert faults(PseaIn.model_validate(body).detail.model_dump(exclude_none=True)) == []
