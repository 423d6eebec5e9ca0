"""Errors of clients, their secrets and feed tokens."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class ClientNotFound(NotFound):
    code = "client_not_found"
    title = "There is no such client."
    refusal = True


class SecretNotFound(NotFound):
    code = "secret_not_found"
    title = "The client has no such secret."
    refusal = True


class FeedTokenNotFound(NotFound):
    code = "feed_token_not_found"
    title = "The client has no such feed token."
    refusal = True


class ClientExists(ServiceError):
    """The id, or the subject of the issuer, belongs to a client already."""

    status = 409
    code = "client_exists"
    title = "There is such a client already."


class ClientRevoked(ServiceError):
    """A revoked client stays revoked."""

    status = 409
    code = "client_revoked"
    title = "The client is revoked; make a new one."


class ClientUnfit(ServiceError):
    """Scopes, roles, keys or references that a client of this kind cannot have."""

    status = 422
    code = "client_unfit"
    title = "A client cannot be made like this."


class BeyondCaller(ServiceError):
    """Nobody gives a client more than they hold themselves."""

    status = 422
    code = "beyond_caller"
    title = "The client would be able to do more than you."
    refusal = True
