"""What must hold of the answers of a self-assessment. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from app.assessments import rules
from app.assessments.documents import codes
from app.assessments.self_assessments.errors import AnswersInvalid
from app.assessments.self_assessments.schemas import AnswerIn
from app.assessments.types import psea
from app.core import datafiles
from app.core.errors import FieldError


class Rules(BaseModel):
    """Which edition of the tool a self-assessment goes by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    methodology: str


RULES = Rules.model_validate(datafiles.read("app.assessments.self_assessments", "rules.yaml"))


def detail_of(answers: Sequence[AnswerIn]) -> psea.PseaDetail:
    """The answers as an assessment's detail has them; without the evidence."""
    return psea.PseaDetail(
        standards=[
            psea.StandardResult(number=item.number, result=item.result, comment=item.comment)
            for item in answers
        ]
    )


def check(answers: Sequence[AnswerIn], methodology: str, today: date, *, complete: bool) -> None:
    """Raises AnswersInvalid, or MethodologyUnknown for an edition that is not in force."""
    rules.methodology_of(psea.TYPE, methodology, today)
    edition = psea.TYPE.methodologies[methodology]
    found = psea.TYPE.check(detail_of(answers), edition, final=complete)
    wrong = [
        FieldError(
            pointer=item.pointer.removeprefix("/detail"), code=item.code, message=item.message
        )
        for item in found
    ]
    for place, item in enumerate(answers):
        for number, kind in enumerate(item.evidence):
            if not codes.fits(kind, item.number):
                where = f"/standards/{place}/evidence/{number}"
                why = f"is no evidence for standard {item.number}"
                wrong.append(FieldError(pointer=where, code="evidence_unfit", message=why))
    if wrong:
        raise AnswersInvalid(errors=wrong)
