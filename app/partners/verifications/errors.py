"""Errors of verifications and deactivations."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.errors import Conflict, FieldError, NotFound, ServiceError

OBSTACLES = {
    "partner_merged": "The profile was merged into another one.",
    "partner_deactivated": "The profile is deactivated.",
    "partner_type_not_verifiable": "Partners of this type are not verified.",
    "profile_incomplete": "The profile is not complete.",
    "declaration_missing": "The partner has not accepted the declaration in force.",
    "flags_not_shown": "Name every risk flag in force in `flags_shown`: read them first.",
    "headquarters_not_verified": "The headquarters is not verified now.",
    "red_flag": "A red flag is in force.",
    "confirmed_match": "A match with a sanction list is confirmed.",
    "list_match_open": "A possible match with a sanction list is not decided yet.",
    "sanction": "A measure of an agency is in force.",
}
"""What stands against a verification, by code of the database."""


def _said(code: str) -> str:
    own = code.removeprefix("headquarters_")
    text = OBSTACLES.get(code) or OBSTACLES.get(own) or "A restraint is in force."
    return f"Of the headquarters: {text}" if code not in OBSTACLES and own != code else text


class VerificationNotPossible(Conflict):
    """``errors`` names everything that stands against it."""

    code = "verification_not_possible"
    title = "This partner cannot be verified now."

    def __init__(self, obstacles: Iterable[str] = ()) -> None:
        super().__init__(
            errors=[FieldError(pointer="", code=code, message=_said(code)) for code in obstacles]
        )


class QuestionSetNotInForce(Conflict):
    code = "question_set_not_in_force"
    title = "These are not the questions in force; read them again."


class AnswersUnfit(ServiceError):
    """``errors`` names each question that is missing or unknown."""

    status = 422
    code = "answers_unfit"
    title = "Answer each question of the set, and no other."


class ReasonRequired(ServiceError):
    status = 422
    code = "reason_required"
    title = "Another agency's verification holds and says the opposite: give a reason."


class VerificationNotFound(NotFound):
    code = "verification_not_found"
    title = "There is no such verification."
    refusal = True


class DeactivationNotFound(NotFound):
    code = "deactivation_not_found"
    title = "There is no such deactivation."
    refusal = True


class DeactivationOpen(Conflict):
    code = "deactivation_open"
    title = "Your agency has a proposal for this partner that is not decided yet."


class DeactivationNotPossible(Conflict):
    code = "deactivation_not_possible"
    title = "The profile is already in that state, or was merged."


class DeactivationDecided(Conflict):
    code = "deactivation_decided"
    title = "This proposal is decided."


class DeciderIsProposer(Conflict):
    code = "same_person"
    title = "Another person than the one who proposed decides."


class ReasonCodeUnknown(ServiceError):
    status = 422
    code = "reason_code_unknown"
    title = "This is not a reason code for this step."
