"""Errors of correction requests."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class CorrectionNotFound(NotFound):
    code = "correction_not_found"
    title = "There is no such correction request."
    refusal = True


class CorrectionDecided(Conflict):
    code = "correction_decided"
    title = "The correction request has been answered."


class NotKeptByPartner(Conflict):
    """No correction is needed where agencies still keep the profile on the partner's behalf."""

    code = "not_kept_by_partner"
    title = "Agencies keep this profile on the partner's behalf; change it."


class ProposalUnfit(ServiceError):
    status = 422
    code = "proposal_unfit"
    title = "There is no such field, or the value does not fit it."
