"""Errors of assessments."""

from __future__ import annotations

from app.audit.errors import PurposeNotShared as PurposeNotShared
from app.audit.errors import PurposeRequired as PurposeRequired
from app.core.errors import Conflict, NotFound, ServiceError


class AssessmentNotFound(NotFound):
    """Absent, or not readable (for a write: not owned) by the caller."""

    code = "assessment_not_found"
    title = "There is no such assessment."
    refusal = True


class AssessmentTypeNotFound(NotFound):
    code = "assessment_type_not_found"
    title = "There is no such assessment type."


class MethodologyNotFound(NotFound):
    code = "methodology_not_found"
    title = "The assessment type has no such methodology."


class ShareNotFound(NotFound):
    code = "share_not_found"
    title = "There is no such share."
    refusal = True


class AccessRequestNotFound(NotFound):
    code = "access_request_not_found"
    title = "There is no such access request."
    refusal = True


class DetailInvalid(ServiceError):
    """The detail does not fit the type or the methodology; `errors` says where."""

    status = 422
    code = "detail_invalid"
    title = "The detail is incomplete or does not fit the methodology."


class MethodologyUnknown(ServiceError):
    status = 422
    code = "methodology_unknown"
    title = "The type has no such methodology, or it was not in force on that date."


class AssessmentFinal(Conflict):
    code = "assessment_final"
    title = "A final assessment is not changed; file a new one."


class AssessmentSubmitted(Conflict):
    code = "assessment_submitted"
    title = "A submitted assessment is finished, sent back or cancelled; its contents stay."


class AssessmentNotSubmitted(Conflict):
    code = "assessment_not_submitted"
    title = "The partner is asked to comment on a submitted assessment that is not AGENCY_ONLY."


class AssessmentNotFinal(Conflict):
    code = "assessment_not_final"
    title = "Only a final assessment is withdrawn or has its rating adjusted."


class NoteMissing(ServiceError):
    status = 422
    code = "note_missing"
    title = "Whoever sends back or cancels an assessment says why in `note`."


class MilestoneOrder(Conflict):
    code = "milestone_order"
    title = "The step is recorded already, or its date does not fit the other steps'."


class AdjustmentNotFound(NotFound):
    code = "adjustment_not_found"
    title = "There is no such adjusted rating."
    refusal = True


class AdjustmentValueInvalid(ServiceError):
    status = 422
    code = "adjustment_value_invalid"
    title = "The methodology has no such rating to adjust to, or it is the present one."


class AdjustmentOpen(Conflict):
    code = "adjustment_open"
    title = "An adjusted rating is proposed already; decide on that first."


class AdjustmentDecided(Conflict):
    code = "adjustment_decided"
    title = "The adjusted rating has been decided on."


class SamePerson(ServiceError):
    """Four eyes: who proposes does not decide."""

    status = 409
    code = "same_person"
    title = "Another person must take this step."
    refusal = True


class NotShareable(ServiceError):
    status = 422
    code = "not_shareable"
    title = "Only a final assessment is shared, unless it is AGENCY_ONLY, held or redacted."


class SharedWithSelf(ServiceError):
    status = 422
    code = "shared_with_self"
    title = "An agency needs no share of its own assessment."


class SharePeriodInvalid(ServiceError):
    status = 422
    code = "share_period_invalid"
    title = "The share must end after it starts, and in the future."


class ShareExists(Conflict):
    code = "share_exists"
    title = "The assessment is already shared with that agency for this purpose; revoke that first."


class SharingPolicyNotFound(NotFound):
    code = "sharing_policy_not_found"
    title = "There is no such sharing policy."
    refusal = True


class SharingPolicyExists(Conflict):
    code = "sharing_policy_exists"
    title = "Your agency has this very policy already; end that first."


class SharingPoliciesFull(Conflict):
    code = "sharing_policies_full"
    title = "Your agency has as many live sharing policies as it may; end some first."


class AnswerDayInvalid(ServiceError):
    status = 422
    code = "answer_day_invalid"
    title = "The day for the answer lies too soon or too late."


class DecisionExceedsRequest(ServiceError):
    status = 422
    code = "decision_exceeds_request"
    title = "An approval gives what was asked for, or less."


class OwnRecord(ServiceError):
    status = 422
    code = "own_record"
    title = "The assessment is your agency's own."


class OwnerWithdrawn(Conflict):
    """Nobody is left who could decide on a request."""

    code = "owner_withdrawn"
    title = "The owner has left the registry; write to the custodian."


class AccessNotNeeded(ServiceError):
    status = 422
    code = "access_not_needed"
    title = "Every agency may already read this."


class AccessRequestOpen(Conflict):
    code = "access_request_open"
    title = "Your agency has an open request for this assessment and purpose."


class AccessRequestDecided(Conflict):
    code = "access_request_decided"
    title = "The request has been decided."
