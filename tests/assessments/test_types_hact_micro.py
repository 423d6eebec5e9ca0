"""The HACT micro-assessment: test vectors, cut-offs, bases, bad answers (domain.md 3.1, 3.2)."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.assessments.types import ALL
from app.assessments.types.hact_micro import TYPE, HactMicroDetail, HactMicroIn
from app.assessments.types.hact_scoring import (
    HactMethodology,
    Score,
    Scoring,
    cut_offs,
    rating_of,
)
from tests.assessments.factories import PURPOSE, make_assessment, share_body
from tests.assessments.support import code
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api

V1: HactMethodology = TYPE.methodologies["HACT-MA-2016"]
V2: HactMethodology = TYPE.methodologies["HACT-MA-V2"]
SHORT: HactMethodology = TYPE.methodologies["HACT-SIMPLIFIED"]
OLD: HactMethodology = TYPE.methodologies["HACT-MA-2014"]
ASSUMED: HactMethodology = TYPE.methodologies["HACT-ASSUMED"]
JUDGED = {"reason": "cash of 120,000 this year", "author": "Head of office"}


def answered(
    methodology: HactMethodology, other: int, key: int | None = None, **single: int
) -> dict[str, Any]:
    """Every question with one value, key questions perhaps with another, single ones by code."""
    values = {
        item.code: single.get(item.code, key if item.key and key is not None else other)
        for item in methodology.questions
    }
    return {"answers": [{"question": code, "value": value} for code, value in values.items()]}


def parsed(detail: dict[str, Any]) -> HactMicroDetail:
    return HactMicroDetail.model_validate(detail)


def rate(methodology: HactMethodology, detail: dict[str, Any]) -> tuple[str, str | None, str]:
    assert faults(detail, methodology) == []
    rating = TYPE.rate(parsed(detail), methodology)
    assert rating.scheme == methodology.code
    assert rating.dimension == "financial_management_risk"
    return rating.value, rating.level, rating.rating_source


def faults(
    detail: dict[str, Any], methodology: HactMethodology = V2, *, final: bool = True
) -> list[tuple[str, str]]:
    errors = TYPE.check(parsed(detail), methodology, final=final)
    return [(error.pointer, error.code) for error in errors]


def explained(methodology: HactMethodology, detail: dict[str, Any]) -> dict[str, Any]:
    return TYPE.explain(parsed(detail), methodology)


# ------------------------------------------------------------------------------------ the figures


@pytest.mark.parametrize(
    ("methodology", "questions", "keys"),
    [
        (
            V1,
            {"1": 11, "2": 8, "3": 8, "4": 32, "5": 9, "6": 8, "7": 20},
            {"1": 5, "2": 2, "3": 3, "4": 19, "5": 2, "6": 3, "7": 5},
        ),
        (
            V2,
            {"A": 9, "B": 14, "C": 10, "D": 14, "E": 12, "F": 11, "G": 6, "H": 24},
            {"A": 2, "B": 4, "C": 3, "D": 4, "E": 2, "F": 2, "H": 7},
        ),
    ],
    ids=["2016", "V2"],
)
def test_questionnaires_have_their_questions_and_key_questions(
    methodology: HactMethodology, questions: dict[str, int], keys: dict[str, int]
) -> None:
    assert Counter(item.area for item in methodology.questions) == questions
    assert Counter(item.area for item in methodology.questions if item.key) == keys
    assert methodology.scoring is not None
    assert (methodology.scoring.weights.key, methodology.scoring.weights.other) == (2, 1)
    assert not methodology.confirmed


def test_the_questionnaire_of_2016_has_the_eight_parts_of_accounting() -> None:
    (accounting,) = (area for area in V1.areas if area.code == "4")
    parts = [part.code for part in accounting.parts]
    assert parts == ["4a", "4b", "4c", "4d", "4e", "4f", "4g", "4h"]
    counted = Counter(item.part for item in V1.questions if item.area == "4")
    assert counted == dict(zip(parts, [4, 3, 4, 6, 2, 8, 1, 4], strict=True))


def test_a_key_flag_on_which_sources_differ_says_so() -> None:
    unsure = {item.code: item.key for item in V2.questions if not item.key_confirmed}
    assert unsure == {"E12": False, "H1": True, "H2": False}


def test_every_question_has_a_short_text_of_its_own() -> None:
    for methodology in (V1, V2, SHORT):
        texts = [item.text for item in methodology.questions]
        assert len(set(texts)) == len(texts)
        assert all(10 <= len(text) <= 100 and "?" not in text for text in texts)


# -------------------------------------------------------------------------------- the test vectors


@pytest.mark.parametrize(
    ("detail", "score", "expected"),
    [
        (answered(V2, 1), "1.00000", "LOW"),
        (answered(V2, 2), "2.48000", "SIGNIFICANT"),
        (answered(V2, 3), "3.72000", "HIGH"),
        (answered(V2, 1, key=2), "1.72000", "MODERATE"),
    ],
)
def test_vectors_of_version_2(detail: dict[str, Any], score: str, expected: str) -> None:
    assert rate(V2, detail) == (expected, expected, "computed")
    found = explained(V2, detail)
    assert (found["score"], found["value"], found["level"]) == (score, expected, expected)
    assert (found["applicable_questions"], found["applicable_key_questions"]) == (100, 24)
    assert found["below"] == {"LOW": "1.45000", "MODERATE": "1.90000", "SIGNIFICANT": "2.50000"}


@pytest.mark.parametrize(
    ("value", "score", "expected"),
    [
        (1, "1.00000", "LOW"),
        (2, "2.81250", "MODERATE"),
        (3, "4.21875", "SIGNIFICANT"),
        (4, "5.62500", "HIGH"),
    ],
)
def test_vectors_of_2016(value: int, score: str, expected: str) -> None:
    detail = answered(V1, value)
    assert rate(V1, detail) == (expected, expected, "computed")
    found = explained(V1, detail)
    assert (found["score"], found["value"]) == (score, expected)
    assert (found["applicable_questions"], found["applicable_key_questions"]) == (96, 39)
    assert found["below"] == {"LOW": "2.15625", "MODERATE": "3.31250", "SIGNIFICANT": "4.46875"}


def test_an_answer_of_one_counts_one_whether_key_or_not() -> None:
    assert explained(V2, answered(V2, 1))["points"] == 100
    assert explained(V2, answered(V2, 1, A1=2))["points"] == 103
    assert explained(V2, answered(V2, 1, A3=2))["points"] == 101


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (144, "LOW"),
        (145, "MODERATE"),
        (189, "MODERATE"),
        (190, "SIGNIFICANT"),
        (249, "SIGNIFICANT"),
        (250, "HIGH"),
    ],
)
def test_at_a_cut_off_the_higher_risk_is_given(points: int, expected: str) -> None:
    assert V2.scoring is not None
    assert rating_of(Score(100, 24, points), V2.scoring) == expected


def test_cut_offs_are_exact_where_floats_are_not() -> None:
    assert V1.scoring is not None
    # 26/12 lies exactly at the first cut-off; in floats it is below it, a rating too low.
    assert 26 / 12 < 1 + ((4 * 12 + 4 * 5) / 12 - 1) / 4
    assert rating_of(Score(12, 5, 26), V1.scoring) == "MODERATE"
    (low, moderate, significant, last) = cut_offs(Score(7, 3, 7), V1.scoring)
    width = (Fraction(4 * 7 + 4 * 3, 7) - 1) / 4
    assert [low[1], moderate[1], significant[1]] == [1 + width, 1 + 2 * width, 1 + 3 * width]
    assert last == ("HIGH", None)


@given(st.data())
def test_the_quarters_of_2016_are_those_of_the_published_formula(data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 96))
    key = data.draw(st.integers(0, min(total, 39)))
    points = data.draw(st.integers(total, 4 * (total + key)))
    width = (Fraction(4 * total + 4 * key, total) - 1) / 4
    value = Fraction(points, total)
    steps = sum(value >= 1 + step * width for step in (1, 2, 3))
    assert V1.scoring is not None
    expected = ("LOW", "MODERATE", "SIGNIFICANT", "HIGH")[steps]
    assert rating_of(Score(total, key, points), V1.scoring) == expected


@given(st.data())
def test_a_worse_answer_never_gives_a_better_rating(data: st.DataObject) -> None:
    methodology = data.draw(st.sampled_from([V1, V2, SHORT]))
    assert methodology.scoring is not None
    values = {item.code: data.draw(st.integers(1, 4)) for item in methodology.questions}
    changed = data.draw(st.sampled_from(methodology.questions)).code
    worse = values | {changed: min(4, values[changed] + 1)}
    ranks = []
    for answers in (values, worse):
        listed = [{"question": code, "value": value} for code, value in answers.items()]
        rating = TYPE.rate(parsed({"answers": listed}), methodology)
        ranks.append(("LOW", "MODERATE", "SIGNIFICANT", "HIGH").index(rating.value))
    assert ranks[0] <= ranks[1]


def test_the_same_answers_by_another_version_give_another_rating() -> None:
    assert rate(V1, answered(V1, 2))[0] == "MODERATE"
    assert rate(V2, answered(V2, 2))[0] == "SIGNIFICANT"
    assert rate(V1, answered(V1, 3))[0] == "SIGNIFICANT"
    assert rate(V2, answered(V2, 3))[0] == "HIGH"
    # Version 1 answered as version 2 is, question by question, as far as both go.
    half = [2, 1] * 50
    for methodology, expected in ((V1, "LOW"), (V2, "MODERATE")):
        pairs = zip(methodology.questions, half, strict=False)
        answers = [{"question": item.code, "value": value} for item, value in pairs]
        assert rate(methodology, {"answers": answers})[0] == expected


# ----------------------------------------------------------------------- areas, not applicable


def test_areas_are_rated_by_the_same_formula() -> None:
    b_at_three = {item.code: 3 for item in V2.questions if item.area == "B"}
    areas = {item["area"]: item for item in explained(V2, answered(V2, 1, **b_at_three))["areas"]}
    assert list(areas) == list("ABCDEFGH")
    assert (areas["B"]["points"], areas["B"]["score"]) == (10 * 3 + 4 * 6, "3.85714")
    assert (areas["B"]["value"], areas["A"]["value"]) == ("HIGH", "LOW")
    assert areas["B"]["applicable_key_questions"] == 4
    keys_at_two = explained(V2, answered(V2, 1, key=2))["areas"]
    (activities,) = (item for item in keys_at_two if item["area"] == "C")
    # Exactly at the second cut-off.
    assert (activities["score"], activities["value"]) == ("1.90000", "SIGNIFICANT")
    one = {item["area"]: item for item in explained(V1, answered(V1, 2))["areas"]}
    assert (one["4"]["score"], one["4"]["below"]["LOW"]) == ("3.18750", "2.34375")


def test_what_does_not_apply_does_not_count() -> None:
    no_sub_partners = {item.code: 0 for item in V2.questions if item.area == "G"}
    detail = answered(V2, 2, **no_sub_partners)
    found = explained(V2, detail)
    assert (found["applicable_questions"], found["points"]) == (94, 70 * 2 + 24 * 4)
    (sub_partners,) = (item for item in found["areas"] if item["area"] == "G")
    assert sub_partners == {
        "area": "G",
        "applicable_questions": 0,
        "applicable_key_questions": 0,
        "points": 0,
        "score": None,
        "value": None,
        "level": None,
    }
    assert TYPE.summarise(parsed(detail), V2) == {
        "basis": "MICRO_ASSESSMENT",
        "applicable_questions": 94,
    }


def test_a_key_question_left_out_moves_the_cut_offs_of_2016() -> None:
    keys = {item.code: 0 for item in V1.questions if item.key}
    found = explained(V1, answered(V1, 2, **keys))
    assert (found["applicable_questions"], found["applicable_key_questions"]) == (57, 0)
    assert found["below"] == {"LOW": "1.75000", "MODERATE": "2.50000", "SIGNIFICANT": "3.25000"}
    assert found["value"] == "MODERATE"


def test_answers_of_which_none_applies_are_no_rating() -> None:
    assert faults(answered(V2, 0)) == [("/detail/answers", "nothing_applicable")]
    assert faults(answered(V2, 0), final=False) == []


# ------------------------------------------------------------------------------------ bad answers


def test_each_question_is_answered_exactly_once() -> None:
    answers = answered(V2, 1)["answers"]
    assert faults({"answers": answers[1:]}) == [("/detail/answers", "answers_missing")]
    assert faults({"answers": []}) == [("/detail/answers", "answers_missing")]
    twice = [*answers, answers[4]]
    assert faults({"answers": twice}) == [("/detail/answers/100/question", "question_repeated")]
    assert faults({"answers": twice}, final=False) == faults({"answers": twice})
    assert faults({"answers": answers[1:]}, final=False) == []
    (missing,) = TYPE.check(parsed({"answers": answers[2:]}), V2, final=True)
    assert missing.message == "no answer to A1, A2"


def test_a_question_of_another_version_is_unknown() -> None:
    answers = answered(V2, 1)["answers"]
    strange = [*answers, {"question": "1.1", "value": 1}]
    assert faults({"answers": strange}) == [("/detail/answers/100/question", "unknown_question")]
    assert faults({"answers": answered(V1, 1)["answers"]}, V2, final=False) == [
        (f"/detail/answers/{position}/question", "unknown_question") for position in range(96)
    ]


@pytest.mark.parametrize("value", [5, -1, True, False, "1", 1.0, 1.5, None])
def test_an_answer_is_a_whole_number_from_0_to_4(value: object) -> None:
    with pytest.raises(ValidationError, match="value"):
        parsed({"answers": [{"question": "A1", "value": value}]})


@pytest.mark.parametrize("question", ["", "a1", "A1 ", "A" * 9, 1, "A-1", "A1\n"])
def test_a_question_is_named_by_a_short_code(question: object) -> None:
    with pytest.raises(ValidationError, match="question"):
        parsed({"answers": [{"question": question, "value": 1}]})


def test_tested_subject_areas_have_a_rating_and_a_comment_each() -> None:
    tested = {"area": "A", "value": 2, "comment": "ten vouchers looked at"}
    whole = answered(V2, 1)
    assert faults(whole | {"subject_areas": [tested]}) == []
    assert rate(V2, whole | {"subject_areas": [tested | {"value": 4}]})[0] == "LOW"
    twice = whole | {"subject_areas": [tested, tested]}
    assert faults(twice) == [("/detail/subject_areas/1/area", "area_repeated")]
    strange = whole | {"subject_areas": [tested | {"area": "4"}]}
    assert faults(strange) == [("/detail/subject_areas/0/area", "unknown_area")]
    for bad in ({"value": 0}, {"value": 5}, {"comment": " "}, {"comment": None}):
        with pytest.raises(ValidationError):
            parsed(whole | {"subject_areas": [tested | bad]})


# ---------------------------------------------------------------------------------- other results


@pytest.mark.parametrize("methodology", [V1, V2, SHORT, OLD])
@pytest.mark.parametrize("value", ["LOW", "MODERATE", "SIGNIFICANT", "HIGH"])
def test_a_result_reported_from_elsewhere(methodology: HactMethodology, value: str) -> None:
    reported = {"reported_value": value, "report_reference": "UNDP/KE/2025/17 of 2025-11-02"}
    assert rate(methodology, reported) == (value, value, "reported")
    assert explained(methodology, reported) == {}
    assert faults({"reported_value": value}, methodology) == [
        ("/detail/report_reference", "missing")
    ]
    wrong = reported | {"reported_value": "MEDIUM"}
    assert faults(wrong, methodology) == [("/detail/reported_value", "unknown_value")]


def test_a_result_of_2014_is_only_reported() -> None:
    refused = {"answers": [{"question": "1.1", "value": 1}]}
    assert faults(refused, OLD) == [("/detail/answers", "not_of_methodology")]
    assert faults(refused, OLD, final=False) == faults(refused, OLD)


@pytest.mark.parametrize(
    ("basis", "level"),
    [
        ("LOW_RISK_ASSUMED", "LOW"),
        ("HIGH_RISK_ASSUMED", "HIGH"),
        ("NOT_REQUIRED", None),
        ("NOT_ASSESSED", None),
    ],
)
def test_a_basis_that_leaves_nothing_to_judge(basis: str, level: str | None) -> None:
    assert rate(ASSUMED, JUDGED | {"basis": basis}) == (basis, level, "reported")
    judged = JUDGED | {"basis": basis, "judged_value": "MODERATE"}
    assert faults(judged, ASSUMED) == [("/detail/judged_value", "unknown_value")]
    assert TYPE.summarise(parsed(JUDGED | {"basis": basis}), ASSUMED) == {"basis": basis}


@pytest.mark.parametrize("basis", ["NEGATIVE_AUDIT_RESULTS", "SCHEDULED_AUDIT_REPORT"])
def test_a_rating_after_an_audit_is_judged_and_names_the_report(basis: str) -> None:
    judged = JUDGED | {
        "basis": basis,
        "judged_value": "SIGNIFICANT",
        "report_reference": "Audit 2025/3",
    }
    assert rate(ASSUMED, judged) == ("SIGNIFICANT", "SIGNIFICANT", "reported")
    for name in ("judged_value", "report_reference", "reason", "author"):
        lacking = {key: value for key, value in judged.items() if key != name}
        assert faults(lacking, ASSUMED) == [(f"/detail/{name}", "missing")]
        assert faults(lacking, ASSUMED, final=False) == []
    opinion = judged | {"judged_value": "QUALIFIED"}
    assert faults(opinion, ASSUMED) == [("/detail/judged_value", "unknown_value")]


def test_forms_and_methodologies_do_not_mix() -> None:
    basis = JUDGED | {"basis": "HIGH_RISK_ASSUMED"}
    assert faults(basis, V2) == [("/detail/basis", "not_of_methodology")]
    assert faults(answered(V2, 1), ASSUMED) == [("/detail/answers", "not_of_methodology")]
    reported = {"reported_value": "HIGH", "report_reference": "R"}
    assert faults(reported, ASSUMED) == [("/detail/reported_value", "not_of_methodology")]
    assert faults({}) == [("/detail", "one_form")]
    assert faults({}, final=False) == []
    assert faults(answered(V2, 1) | reported) == [("/detail", "one_form")]
    assert faults(answered(V2, 1) | {"author": "x"}) == [("/detail/author", "not_expected")]
    assert faults(JUDGED | {"basis": "GUESS"}, ASSUMED) == [("/detail/basis", "unknown_basis")]


# --------------------------------------------------------------------------------------- validity


@pytest.mark.parametrize(
    ("cycle_end", "until"),
    [
        (None, date(2031, 3, 1)),
        ("2028-12-31", date(2028, 12, 31)),
        ("2035-12-31", date(2031, 3, 1)),
        ("2025-12-31", date(2026, 3, 1)),
    ],
)
def test_a_result_is_not_valid_beyond_the_programme_cycle(
    cycle_end: str | None, until: date
) -> None:
    detail = parsed(answered(V2, 1) | ({"cycle_end": cycle_end} if cycle_end else {}))
    assert TYPE.valid_until(detail, V2, date(2026, 3, 1)) == until


def test_an_assumption_is_valid_for_a_year() -> None:
    detail = parsed(JUDGED | {"basis": "LOW_RISK_ASSUMED"})
    assert TYPE.valid_until(detail, ASSUMED, date(2026, 3, 1)) == date(2027, 3, 1)


def test_a_later_result_of_any_basis_is_the_current_one() -> None:
    keys = {TYPE.current_key(name) for name in TYPE.methodologies}
    assert keys == {"hact_micro"}


# ------------------------------------------------------------------------------ data and examples


def _changed(**changes: Any) -> dict[str, Any]:
    return SHORT.model_dump(mode="json") | changes


def _questions(**change: Any) -> dict[str, Any]:
    questions = [item.model_dump() for item in SHORT.questions]
    return _changed(questions=[questions[0] | change, *questions[1:]])


def _bands(*ends: str | None) -> dict[str, Any]:
    assert SHORT.scoring is not None
    bands = [{"below": end, "value": "LOW"} for end in ends]
    return _changed(scoring=SHORT.scoring.model_dump(mode="json") | {"bands": bands})


@pytest.mark.parametrize(
    "content",
    [
        _changed(scoring=None),
        _changed(questions=[]),
        _changed(basis=None),
        _questions(code="O2"),
        _questions(area="X"),
        _questions(part="Oa"),
        _changed(areas=[*SHORT.model_dump()["areas"], {"code": "Z", "title": "empty"}]),
        _bands("0.50", "0.25", None),
        _bands("0.25", "0.25", None),
        _bands("0.25", "0.50"),
        _bands("0.25", None, None),
        _bands("0", None),
        _bands("1", None),
        _changed(scale=[{"value": "LOW", "level": "LOW"}]),
        _changed(formula="guess"),
        _changed(bases=[{"code": "OTHER", "text": "x", "values": ["LOW"]}]),
    ],
)
def test_inconsistent_data_is_refused(content: dict[str, Any]) -> None:
    HactMethodology.model_validate(_changed())
    with pytest.raises(ValidationError):
        HactMethodology.model_validate(content)


def test_a_formula_is_one_of_two() -> None:
    assert V1.scoring is not None
    with pytest.raises(ValidationError, match="formula"):
        Scoring.model_validate(V1.scoring.model_dump() | {"formula": "average"})


def test_the_examples_are_valid_and_complete() -> None:
    examples = HactMicroDetail.model_json_schema()["examples"]
    for example, methodology in zip(examples, (SHORT, ASSUMED), strict=True):
        rate(methodology, example)
    (body,) = HactMicroIn.model_json_schema()["examples"]
    new = HactMicroIn.model_validate(body)
    assert TYPE.check(new.detail, TYPE.methodologies[new.methodology], final=True) == []


# --------------------------------------------------------------------------------------- over HTTP


def body(detail: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "hact_micro", "methodology": "HACT-MA-V2", "detail": detail} | more


async def calculated(api: Api, detail: dict[str, Any], methodology: str = "HACT-MA-V2") -> Any:
    asked = {"methodology": methodology, "detail": detail}
    url = "/v1/assessment-types/hact_micro/rate"
    return await api.send(api.build_request("POST", url, json=asked))


async def test_calculator_and_record_say_how_the_rating_came_about(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    detail = answered(V2, 1, key=2)
    rated = (await calculated(unicef, detail)).json()
    assert rated["rating"]["value"] == "MODERATE"
    assert rated["explanation"] == explained(V2, detail)
    assert rated["summary"] == {"basis": "MICRO_ASSESSMENT", "applicable_questions": 100}
    made = await make_assessment(unicef, **body(detail))
    assert made["rating"] == rated["rating"]
    assert "computed" not in made
    url = f"/v1/assessments/{made['id']}/detail"
    own = await unicef.read(url)
    assert own["detail"] == detail
    assert own["computed"] == rated["explanation"]


async def test_area_ratings_are_in_the_detail_not_in_the_summary(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP_REVIEWER")
    made = await make_assessment(unicef, **body(answered(V2, 1, key=2)))
    url = f"/v1/assessments/{made['id']}"
    summary = await wfp.read(url)
    assert summary["rating"]["level"] == "MODERATE"
    assert "areas" not in str(summary)
    assert (await code(wfp, f"{url}/detail"))[0] == 404
    await unicef.made(f"{url}/shares", share_body())
    read = await wfp.read(f"{url}/detail", headers=PURPOSE)
    assert [item["area"] for item in read["computed"]["areas"]] == list("ABCDEFGH")


async def test_a_draft_has_no_rating_to_explain_until_it_is_final(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    part = {"answers": answered(SHORT, 1)["answers"][:5]}
    draft = body(part, status="draft", methodology="HACT-SIMPLIFIED")
    made = await make_assessment(unicef, **draft)
    url = f"/v1/assessments/{made['id']}"
    assert (await unicef.read(f"{url}/detail"))["computed"] == {}
    finish = {"status": "final", "detail": answered(SHORT, 2)}
    unfinished = await unicef.patch(url, json={"status": "final"}, headers={"If-Match": '"v1"'})
    assert unfinished.json()["errors"][0]["code"] == "answers_missing"
    done = await unicef.patch(url, json=finish, headers={"If-Match": '"v1"'})
    assert done.json()["rating"]["value"] == "SIGNIFICANT"
    assert (await unicef.read(f"{url}/detail"))["computed"]["score"] == "2.00000"


async def test_bad_answers_are_refused_and_not_repeated(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    answers = answered(V2, 1)["answers"]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"question": "Z99", "value": 1}, "/detail/answers/99/question"),
        ({"question": "A1", "value": 5}, "/detail/answers/99/value"),
        ({"question": "A1", "value": True}, "/detail/answers/99/value"),
        ({"question": "A1", "value": "1"}, "/detail/answers/99/value"),
        ({"question": "A1", "value": 1, "note": "x"}, "/detail/answers/99"),
    ]
    for bad, pointer in cases:
        detail = {"answers": [*answers[:99], bad]}
        sent = body(detail, partner_id=partner["id"], confidentiality="RESTRICTED")
        refused = await unicef.post("/v1/assessments", json=sent | {"conducted_on": "2026-03-01"})
        assert refused.status_code == 422
        assert pointer in [item["pointer"] for item in refused.json()["errors"]]
        assert "Z99" not in refused.text
    assert (await calculated(unicef, {"answers": answers * 2})).status_code == 422


async def test_types_are_told_apart_by_their_code(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    sent = body(answered(V2, 1), partner_id=partner["id"], confidentiality="RESTRICTED")
    as_psea = sent | {"type": "psea", "conducted_on": "2026-03-01"}
    refused = await unicef.post("/v1/assessments", json=as_psea)
    assert refused.status_code == 422
    assert set(ALL) >= {"hact_micro", "psea"}
