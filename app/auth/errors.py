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


class TokenRefused(Exception):
    """RFC 6749 5.2 error of the token endpoint."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.client_id: str | None = None
        """The client that the request claimed to be, when it did."""
