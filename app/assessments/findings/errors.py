"""Errors of findings."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class FindingNotFound(NotFound):
    """Absent, or not readable (for a write: not owned) by the caller."""

    code = "finding_not_found"
    title = "There is no such finding."
    refusal = True


class ResolutionNotFound(NotFound):
    code = "resolution_not_found"
    title = "The finding has no such resolution that could be reversed."


class FindingNotOpen(Conflict):
    code = "finding_not_open"
    title = "The finding is closed or waits for verification; reopen it first."


class FindingOpen(Conflict):
    code = "finding_open"
    title = "The finding is open already."


class FindingClosed(Conflict):
    code = "finding_closed"
    title = "The finding is closed."


class NothingToVerify(Conflict):
    code = "nothing_to_verify"
    title = "Only a finding of high priority on which action was taken is verified."


class FindingUnsettled(Conflict):
    """Closed with money pending, a finding would hide what is still unsupported."""

    code = "finding_unsettled"
    title = "Part of the finding's amount is still pending; record how it is settled first."


class ExceedsFinding(ServiceError):
    status = 422
    code = "exceeds_finding"
    title = "More would be settled than is pending."


class EvidenceRequired(ServiceError):
    status = 422
    code = "evidence_required"
    title = "A finding of high priority is closed with a reference to the evidence."
