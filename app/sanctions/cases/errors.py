"""Errors of cases."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class CaseNotFound(NotFound):
    code = "case_not_found"
    title = "There is no such case."
    refusal = True


class RespondentNotFound(NotFound):
    code = "respondent_not_found"
    title = "There is no such respondent in this case."
    refusal = True


class AppealNotFound(NotFound):
    code = "appeal_not_found"
    title = "There is no such appeal."
    refusal = True


class ReleaseNotFound(NotFound):
    code = "release_not_found"
    title = "There is no such request for release."
    refusal = True


class InvitationNotFound(NotFound):
    code = "case_invitation_not_found"
    title = "There is no such invitation."
    refusal = True


class ProcedureNotFound(NotFound):
    code = "procedure_not_found"
    title = "There is no such procedure."
    refusal = True


class PartnerUnknown(ServiceError):
    status = 422
    code = "partner_unknown"
    title = "There is no such partner."


class StepOutOfOrder(ServiceError):
    """Due process: the case is not at the point this step needs."""

    status = 409
    code = "step_out_of_order"
    title = "The case is not at the point this step needs."


class ReplyPeriodOpen(ServiceError):
    status = 409
    code = "reply_period_open"
    title = "The partner may still reply; record a reply, a waiver, or wait for the period to end."


class SamePerson(ServiceError):
    """Four eyes: investigator, reviewer and decider are three persons."""

    status = 409
    code = "same_person"
    title = "Another person must take this step."
    refusal = True


class AdvisedAgainst(ServiceError):
    """The review advises against a measure."""

    status = 409
    code = "advised_against"
    title = "The review advises against a measure, and the decision does not depart from it."


class PanelTooSmall(ServiceError):
    status = 422
    code = "panel_too_small"
    title = "The procedure asks for a larger panel, or for one that is named."


class ProcedureBelowFloor(ServiceError):
    """An agency's procedure may ask for more than the common floor, never for less."""

    status = 422
    code = "procedure_below_floor"
    title = "The procedure falls below the common floor."


class ProcedureDecided(ServiceError):
    status = 409
    code = "procedure_decided"
    title = "The procedure has been decided already."


class InterimLimit(ServiceError):
    status = 409
    code = "interim_limit"
    title = "The procedure allows no interim suspension as long, or no further renewal."


class AppealPeriodOver(ServiceError):
    status = 409
    code = "appeal_period_over"
    title = "The period for an appeal is over; a reconsideration may be asked for at any time."


class AppealOpen(ServiceError):
    status = 409
    code = "appeal_open"
    title = "An appeal or reconsideration of this decision is open."


class AppealSuspends(ServiceError):
    """Under this procedure an appeal suspends: a measure begins after the time for one."""

    status = 422
    code = "appeal_suspends"
    title = "An appeal suspends under this procedure: the measure begins after the appeal period."


class TermsNeeded(ServiceError):
    status = 422
    code = "terms_needed"
    title = "This outcome needs the terms of the measure that follows, or takes none."


class AppealNotLess(ServiceError):
    """Whoever appeals does not end worse off."""

    status = 422
    code = "appeal_not_less"
    title = "An appeal makes no measure longer or harsher than it was."


class ReleaseOpen(ServiceError):
    status = 409
    code = "release_open"
    title = "A release from this measure is being considered."


class RespondentExists(ServiceError):
    status = 409
    code = "respondent_exists"
    title = "This partner is a respondent of the case already."


class InvitationExists(ServiceError):
    status = 409
    code = "case_invitation_exists"
    title = "This agency has been invited already."


class AgencyUnfit(ServiceError):
    status = 422
    code = "agency_unfit"
    title = "There is no such other agency, or it is not active."


class IndividualRedacted(ServiceError):
    """Nobody is listed whose facts are hidden or destroyed."""

    status = 409
    code = "individual_redacted"
    title = "Who this individual is was redacted."
