"""Errors of policies."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class PolicyNotFound(NotFound):
    code = "policy_not_found"
    title = "There is no such policy."
    refusal = True


class PolicyInvalid(ServiceError):
    status = 422
    code = "policy_invalid"
    title = "The rules are not ones that the registry can go by."


class PolicyDecided(ServiceError):
    status = 409
    code = "policy_decided"
    title = "This version was decided already; propose another one."


class PolicyPast(ServiceError):
    status = 409
    code = "policy_past"
    title = "The last day of this version is over; propose another one."


class PolicyRace(ServiceError):
    status = 409
    code = "policy_proposed_meanwhile"
    title = "Somebody else proposed a version at this moment; try again."


class SamePerson(ServiceError):
    """Four eyes: who proposed a policy does not decide on it."""

    status = 409
    code = "same_person"
    title = "Another person must take this step."
    refusal = True
