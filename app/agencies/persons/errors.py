"""Errors of persons."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class PersonNotFound(NotFound):
    code = "person_not_found"
    title = "There is no such person."
    refusal = True


class PersonKnown(ServiceError):
    """The staff id, or the subject of the issuer, belongs to a person already."""

    status = 409
    code = "person_known"
    title = "This person is recorded already."


class PersonUnfit(ServiceError):
    """An office, an issuer or a role that a person of this agency cannot have."""

    status = 422
    code = "person_unfit"
    title = "A person cannot be recorded like this."


class OwnRights(ServiceError):
    """Nobody widens or narrows what they may do themselves."""

    status = 403
    code = "own_rights"
    title = "Another administrator changes your roles and how you are known."
    refusal = True
