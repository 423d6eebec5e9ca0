"""Errors of trusted issuers."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class IssuerNotFound(NotFound):
    code = "issuer_not_found"
    title = "There is no such trusted issuer."
    refusal = True


class IssuerExists(ServiceError):
    """One issuer belongs to one agency."""

    status = 409
    code = "issuer_exists"
    title = "This issuer is trusted or proposed already."


class IssuerDecided(ServiceError):
    status = 409
    code = "issuer_decided"
    title = "This issuer is no longer at the point this step needs."


class SamePerson(ServiceError):
    """Four eyes: who proposed an issuer does not decide on it."""

    status = 409
    code = "same_person"
    title = "Another person must take this step."
    refusal = True


class IssuerKeysUnusable(ServiceError):
    """The key set was asked for and could not be had, or holds no key of the agreed kinds."""

    status = 422
    code = "issuer_keys_unusable"
    title = "The issuer's key set cannot be fetched or holds no usable key."


class IssuerKeyShared(ServiceError):
    """Whoever holds that key could speak for both."""

    status = 409
    code = "issuer_key_shared"
    title = "A key of this issuer also signs for another issuer."
