"""Refusals of the token service and of the caller check."""

from __future__ import annotations

from app.core.errors import ServiceError


class NotAuthenticated(ServiceError):
    """The token is missing, not valid, expired, or its client was revoked."""

    status = 401
    code = "not_authenticated"
    title = "Send a valid access token."
    refusal = True

    def __init__(self, challenge: str = 'Bearer error="invalid_token"') -> None:
        super().__init__(headers={"WWW-Authenticate": challenge})


class ScopeMissing(ServiceError):
    """The token does not carry the scope of this operation."""

    status = 403
    code = "scope_missing"
    title = "The token lacks the scope of this operation."
    refusal = True

    def __init__(self, scope: str) -> None:
        super().__init__(
            f"Needs scope {scope}.",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )


class PersonRequired(ServiceError):
    """A decision is made by a natural person; this client is bound to none."""

    status = 403
    code = "person_required"
    title = "Only a client bound to a named person may take this step."
    refusal = True


class RoleUnknown(ServiceError):
    """A role that is not in the matrix, or not one this kind of caller may hold."""

    status = 422
    code = "role_unknown"
    title = "A role is not one of the codes in force for this kind of caller."


class RoleLacksRight(ServiceError):
    """None of the caller's roles has this right in the matrix."""

    status = 403
    code = "role_lacks_right"
    title = "None of your roles has the right to do this."
    refusal = True


class CountryOutsideScope(ServiceError):
    """What would be written lies outside the caller's countries."""

    status = 403
    code = "country_outside_scope"
    title = "The country lies outside the country scope of this client."
    refusal = True


class LevelAboveClient(ServiceError):
    """What would be written is more confidential than the client may handle."""

    status = 403
    code = "level_above_client"
    title = "The record is more confidential than this client may handle."
    refusal = True


class TokenRefused(Exception):
    """RFC 6749 5.2 error of the token endpoint."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.client_id: str | None = None
        """The client that the request claimed to be, when it did."""
