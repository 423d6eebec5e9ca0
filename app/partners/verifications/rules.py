"""Questions of a verification and reasons of a deactivation: versioned data, read once.

What decides (needed answers, types, months) is also in ``verification_question_sets``, for the
triggers; a test holds file and table together.
"""

from __future__ import annotations

from datetime import date
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(_Data):
    """One question and the answer that a verified partner needs."""

    code: str
    needed: bool
    text: str


class PartnerTypes(_Data):
    source: str
    confirmed: bool
    codes: tuple[str, ...]


class Validity(_Data):
    source: str
    confirmed: bool
    months: int


class Notices(_Data):
    source: str
    confirmed: bool
    days: tuple[int, ...]


class QuestionSet(_Data):
    """One version of what is asked, of whom, and how long the answers hold."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    questions: tuple[Question, ...]
    partner_types: PartnerTypes
    validity: Validity
    notices: Notices

    @property
    def needed(self) -> dict[str, bool]:
        """Needed answer by code."""
        return {question.code: question.needed for question in self.questions}


class _QuestionSets(_Data):
    sets: tuple[QuestionSet, ...]


class DeactivationReasons(_Data):
    """Codes of why a profile is deactivated, or taken in again."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    deactivate: dict[str, str]
    reactivate: dict[str, str]


_FOLDER = files("app.partners.verifications").joinpath("data")
SETS = _QuestionSets.model_validate_json(_FOLDER.joinpath("questions.json").read_bytes()).sets
REASONS = DeactivationReasons.model_validate_json(
    _FOLDER.joinpath("deactivation_reasons.json").read_bytes()
)


def in_force(today: date) -> QuestionSet:
    """The newest questions that are in force."""
    return max(
        (one for one in SETS if one.effective_from <= today), key=lambda one: one.effective_from
    )
