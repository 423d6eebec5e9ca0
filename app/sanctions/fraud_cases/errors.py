"""Errors of fraud cases."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class FraudCaseNotFound(NotFound):
    """Absent, not readable, or (for a step) not the own agency's."""

    code = "fraud_case_not_found"
    title = "There is no such fraud case."
    refusal = True


class FraudCaseExists(Conflict):
    code = "fraud_case_exists"
    title = "Your agency has a fraud case of this reference on this partner."


class FraudCaseStageUnfit(Conflict):
    """Milestones follow each other, and none is taken back."""

    code = "fraud_case_stage"
    title = "The case is not at a stage from which this can be done."


class FraudCaseClosed(Conflict):
    code = "fraud_case_closed"
    title = "The case is closed or unsubstantiated; it takes no amounts and no changes."


class FraudCaseOutstanding(Conflict):
    """Closed with money outstanding, it would hide what is still missing."""

    code = "fraud_case_outstanding"
    title = "Part of the loss is outstanding; it is recovered or written off first."


class ExceedsOutstanding(ServiceError):
    status = 422
    code = "exceeds_outstanding"
    title = "More would be recovered and written off than was lost."


class LossLowered(Conflict):
    """Less of an established loss would be a write-off by one person."""

    code = "fraud_case_loss"
    title = "An established loss is not lowered; the difference is written off by two persons."


class ReferralOutOfOrder(Conflict):
    code = "fraud_case_referral"
    title = "The referral does not go from here to there; nothing is taken back."


class RecoveryOutOfOrder(Conflict):
    code = "fraud_case_recovery"
    title = "The recovery of assets does not go back, and not on once it is closed."


class MarkerOnly(ServiceError):
    """Facts of such a case belong into no register (domain.md 4.5)."""

    status = 422
    code = "sea_marker_only"
    title = "Of sexual exploitation and abuse there is a marker with a stage, and nothing else."


class LinkUnknown(ServiceError):
    status = 422
    code = "linked_sanction_unknown"
    title = "There is no such case or measure of the own agency on this partner."


class NotPublishable(Conflict):
    code = "fraud_case_not_publishable"
    title = "Only a substantiated case is published, and once."


class FraudCaseNotShareable(ServiceError):
    status = 422
    code = "fraud_case_not_shareable"
    title = "A marker, and what turned out unsubstantiated, is shared with nobody."


class FraudShareInvalid(ServiceError):
    status = 422
    code = "fraud_share_invalid"
    title = "A share is for another agency, and ends in the future, after two years at the latest."


class FraudShareNotFound(NotFound):
    code = "fraud_share_not_found"
    title = "There is no such share."


class FraudActNotFound(NotFound):
    code = "fraud_act_not_found"
    title = "There is no such act."
    refusal = True


class FraudActPending(Conflict):
    code = "fraud_act_pending"
    title = "Such an act of this case waits for its decision."


class FraudActDecided(Conflict):
    code = "fraud_act_decided"
    title = "It was already decided."


class FraudAmountNotFound(NotFound):
    code = "fraud_amount_not_found"
    title = "The case has no such amount that could be reversed."
