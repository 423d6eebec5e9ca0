"""Errors of invitations, claims and disputes over control."""

from __future__ import annotations

from app.core.errors import Conflict, NotFound, ServiceError


class InvitationNotFound(NotFound):
    code = "invitation_not_found"
    title = "There is no such invitation of the own agency that could still be used."
    refusal = True


class InvitationUnusable(ServiceError):
    """The code is unknown, used, revoked or too old: which of them, nobody is told."""

    status = 404
    code = "invitation_unusable"
    title = "This invitation code cannot be used."


class ClaimNotFound(NotFound):
    code = "claim_not_found"
    title = "There is no such claim."
    refusal = True


class ClaimDecided(Conflict):
    code = "claim_decided"
    title = "The claim has been decided."


class ClaimsCompete(Conflict):
    """Two claims on an unclaimed profile: the wrong ones are rejected before one is approved."""

    code = "claims_compete"
    title = "Another claim on this profile is open; decide that one first."


class ControlInDispute(Conflict):
    code = "control_disputed"
    title = "Who controls the profile is disputed; a decision on control comes first."


class DeciderFiledIt(Conflict):
    code = "decider_filed_claim"
    title = "Whoever filed a claim does not decide about it."


class DeciderApprovedIt(Conflict):
    code = "decider_approved_contested"
    title = "The agency that approved what is contested does not decide about it."


class NotDisputed(NotFound):
    code = "control_not_disputed"
    title = "Who controls this profile is not in dispute."


class AdministratorNotFound(NotFound):
    code = "administrator_not_found"
    title = "There is no such other administrator."


class KeysUnfit(ServiceError):
    status = 422
    code = "keys_unfit"
    title = "The keys hold no public key that can be used."
