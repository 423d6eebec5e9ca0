"""PSEA capacity of a partner (domain.md 4.2, 4.3): the common United Nations tool, and its
predecessor at UNICEF.

Three ways to a result: the answers per standard, from which it is computed; a special rating,
judged by a named author with a reason; a result reported from an assessment made elsewhere.

Allegations, and whoever is in one, never belong in here. Texts are short, evidence is a code, and
what reads like a case is refused. The tools' editions as data: `psea_methodology.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from app.assessments.types.base import (
    AssessmentBase,
    AssessmentType,
    Rating,
    RatingLevel,
    Reported,
    Value,
    error,
    result,
)
from app.assessments.types.forms import Form, known, one_form
from app.assessments.types.psea_methodology import ItemCode, PseaMethodology, Standard
from app.core.errors import FieldError
from app.core.schemas import Flag, Line, Schema, Text

CODE = "psea"
NOT_APPLICABLE = "not_applicable"
OTHER = "other"
FORMS = (
    Form("standards"),
    Form("special_rating", needs=("reason", "author")),
    Form("reported_value", needs=("report_reference",)),
)
_NO_CASES = (
    "on the partner's systems only: never an allegation, a case, or anybody who was harmed, "
    "reported or is accused"
)
# A trip-wire for the most telling slips, not a filter: what a person writes of a case in other
# words passes. It knows no addresses or numbers, which a reporting channel rightly has.
_CASE = re.compile(
    r"\b(victim|survivor|complainant|perpetrator)s?,?\s+(was\s+|is\s+)?(named|aged)\b"
    r"|\b\d{1,2}[\s-]years?[\s-]old\b",
    re.IGNORECASE,
)

StandardNumber = Annotated[int, Field(strict=True, ge=1, le=8)]
ShortText = Annotated[Text, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
ShortLine = Annotated[Line, StringConstraints(max_length=120)]


class StandardResult(Schema):
    """What was found for one of the standards."""

    number: StandardNumber
    result: Literal["met", "not_met", "not_applicable", "absent", "progressing", "adequate"] = (
        Field(description="one of the methodology's `results`, or `not_applicable`")
    )
    evidence: list[ItemCode] | None = Field(
        None,
        max_length=20,
        description="kinds of evidence seen, of the methodology's list; `other` needs a comment",
        examples=[["psea_policy"]],
    )
    comment: ShortText | None = Field(None, description=_NO_CASES)


_EXAMPLE: dict[str, Any] = {
    "standards": [
        {"number": number, "result": "not_met" if number == 7 else "met"} for number in range(1, 9)
    ],
    "has_sub_partners": True,
}
_EXAMPLE["standards"][0]["evidence"] = ["code_of_conduct", "psea_policy"]


class PseaDetail(Reported):
    """Answers per standard, or a special rating, or a reported result: exactly one of the three."""

    standards: list[StandardResult] | None = Field(
        None,
        max_length=8,
        description="each standard of the methodology exactly once; a draft may lack some",
    )
    special_rating: Value | None = Field(
        None,
        description="a judgement; needs `reason` and `author`",
        examples=["LOW_CAPACITY_ASSUMED_EMERGENCY"],
    )
    reason: ShortText | None = Field(None, description=f"of a special rating; {_NO_CASES}")
    author: ShortLine | None = Field(
        None, description="office or role of whoever judged", examples=["Head of office"]
    )
    has_sub_partners: Flag | None = Field(
        None, description="whether the partner works through others; it answers for them"
    )
    local_reason: ItemCode | None = Field(
        None,
        description="why a country office of an international organisation is assessed by itself, "
        "one of the methodology's `local_reasons`; `sea_allegation` is a marker that only the "
        "owner reads, and says nothing more",
        examples=["decentralised"],
    )

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class PseaIn(AssessmentBase):
    """A new PSEA assessment."""

    type: Literal["psea"]
    detail: PseaDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "psea",
                    "methodology": "UN-PSEA-2020",
                    "conducted_on": "2026-03-01",
                    "confidentiality": "RESTRICTED",
                    "detail": _EXAMPLE,
                }
            ]
        }
    )


# --------------------------------------------------------------------------------------- the type


class Psea(AssessmentType[PseaDetail, PseaMethodology]):
    """The type itself."""

    code = CODE
    title = "PSEA capacity assessment"
    family = "PSEA"
    detail_model = PseaDetail
    methodology_model = PseaMethodology
    body_model = PseaIn

    def check(
        self, detail: PseaDetail, methodology: PseaMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        errors = [*one_form(detail, FORMS, final=final), *_case_data(detail)]
        if detail.standards is not None:
            errors += _standards(detail, detail.standards, methodology, final)
        if detail.special_rating is not None:
            judged = {item.value for item in methodology.special_ratings}
            errors += known("/detail/special_rating", detail.special_rating, judged)
        if detail.reported_value is not None:
            errors += known("/detail/reported_value", detail.reported_value, methodology.levels())
        reasons = {item.code for item in methodology.local_reasons}
        if detail.local_reason is not None and detail.local_reason not in reasons:
            errors.append(error("/detail/local_reason", "unknown_reason", "no such one"))
        return errors

    def rate(self, detail: PseaDetail, methodology: PseaMethodology) -> Rating:
        """See `AssessmentType.rate`."""
        if detail.standards is None:
            value = detail.special_rating or detail.reported_value
            assert value is not None
            return result(methodology, value, methodology.levels()[value], "reported")
        points, applicable = _points(detail.standards, methodology)
        (cut_offs,) = (item for item in methodology.cut_offs if item.applicable == applicable)
        band = next(band for band in cut_offs.bands if points >= band.min_points)
        return result(methodology, band.value, band.level, "computed")

    def values(self, methodology: PseaMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return methodology.levels()

    def explain(self, detail: PseaDetail, methodology: PseaMethodology) -> dict[str, Any]:
        """See `AssessmentType.explain`: points, and of how many standards."""
        if detail.standards is None:
            return {}
        points, applicable = _points(detail.standards, methodology)
        return {"points": points, "applicable_standards": applicable}

    def disclose(self, detail: dict[str, Any]) -> dict[str, Any]:
        """See `AssessmentType.disclose`: that there is an allegation is the owner's to know.

        The reason is never required, so its absence tells nothing.
        """
        if detail.get("local_reason") != "sea_allegation":
            return detail
        return {name: value for name, value in detail.items() if name != "local_reason"}


def _points(results: list[StandardResult], methodology: PseaMethodology) -> tuple[int, int]:
    applied = [item.result for item in results if item.result != NOT_APPLICABLE]
    return sum(methodology.results[name] for name in applied), len(applied)


# --------------------------------------------------------------------------------- what is wrong


def _case_data(detail: PseaDetail) -> Iterator[FieldError]:
    texts = [
        ("/detail/reason", detail.reason),
        ("/detail/report_reference", detail.report_reference),
    ]
    for position, item in enumerate(detail.standards or ()):
        texts.append((f"/detail/standards/{position}/comment", item.comment))
    for pointer, text in texts:
        if text is not None and _CASE.search(text):
            message = "reads like a case; allegations and victims' data are never stored here"
            yield error(pointer, "sea_data_refused", message)


def _standards(
    detail: PseaDetail, results: list[StandardResult], methodology: PseaMethodology, final: bool
) -> list[FieldError]:
    where = "/detail/standards"
    rules = {item.number: item for item in methodology.standards}
    errors = []
    for position, item in enumerate(results):
        rule = rules.get(item.number)
        pointer = f"{where}/{position}"
        if rule is None:
            errors.append(error(f"{pointer}/number", "unknown_standard", "no such one"))
            continue
        errors += _result(pointer, item, rule, methodology, detail.has_sub_partners)
        errors += _evidence(pointer, item, rule, final)
    count = Counter(item.number for item in results)
    for number in rules:
        if count[number] > 1:
            errors.append(error(where, "standard_repeated", f"standard {number} is given twice"))
        if final and count[number] == 0:
            errors.append(error(where, "standard_missing", f"standard {number} has no result"))
    return errors


def _result(
    pointer: str,
    item: StandardResult,
    rule: Standard,
    methodology: PseaMethodology,
    has_sub_partners: bool | None,
) -> Iterator[FieldError]:
    pointer += "/result"
    if item.result != NOT_APPLICABLE:
        if item.result not in methodology.results:
            yield error(pointer, "unknown_result", f"one of {', '.join(methodology.results)}")
    elif not rule.na_allowed:
        message = f"standard {item.number} applies to every partner"
        yield error(pointer, "always_applicable", message)
    elif has_sub_partners:
        yield error(pointer, "has_sub_partners", "it applies to a partner with sub-partners")


def _evidence(
    pointer: str, item: StandardResult, rule: Standard, final: bool
) -> Iterator[FieldError]:
    kinds = item.evidence or []
    for position, code in enumerate(kinds):
        place = f"{pointer}/evidence/{position}"
        if code not in rule.evidence:
            yield error(place, "unknown_evidence", "not a kind of evidence for this standard")
        elif code in kinds[:position]:
            yield error(place, "evidence_repeated", "it is in the list already")
    if final and OTHER in kinds and item.comment is None:
        yield error(f"{pointer}/comment", "missing", "say what the other evidence is")


TYPE = Psea()
