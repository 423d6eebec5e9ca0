"""What stands before a token request: the form's own rules, and limits that failures use up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from app.auth import jose, service
from app.auth.errors import TokenRefused
from app.core.certificates import certificate_thumbprint
from app.core.limits import address_of, limits_of
from app.core.settings import Settings

_MAX_VALUE = 8_192
_REPEATABLE = frozenset({"resource", "audience"})
"""May be sent more than once (RFC 8707 2, RFC 8693 2.1); every other parameter may not."""


@dataclass(slots=True)
class Attempt:
    """A token request before its client has proved itself."""

    claimed: str
    """The client it says it is; used for counting alone."""
    resources: list[str]
    certificate: str | None
    """Thumbprint of the certificate it came with, if a proxy vouches for one."""


async def token_attempt(request: Request) -> AsyncIterator[Attempt]:
    """Dependency of the token endpoint: refuses what RFC 6749 3.2 forbids, counts how it ended.

    Raises TokenRefused("invalid_request") or RateLimited.
    """
    settings: Settings = request.app.state.settings
    limits = limits_of(request)
    form = await request.form()
    _check_form(request, form)
    attempt = Attempt(
        _claimed(request, form),
        [value for value in form.getlist("resource") if isinstance(value, str) and value],
        certificate_thumbprint(request, believed=settings.client_cert_header),
    )
    address = address_of(request, settings)
    limits.before_token(address, attempt.claimed)
    try:
        yield attempt
    except TokenRefused as refusal:
        if refusal.status == 401:
            limits.token_failed(address, attempt.claimed)
        raise
    limits.token_issued(request.scope, attempt.claimed)


def _check_form(request: Request, form: FormData) -> None:
    header = request.headers.getlist("authorization")
    if len(header) > 1 or any(len(value) > _MAX_VALUE for value in header):
        raise TokenRefused("invalid_request")
    seen: set[str] = set()
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) or len(value) > _MAX_VALUE:
            raise TokenRefused("invalid_request")
        if name in seen and name not in _REPEATABLE:
            raise TokenRefused("invalid_request")
        seen.add(name)


def _claimed(request: Request, form: FormData) -> str:
    """The client a request says it comes from, wherever it says so; empty where nowhere."""
    assertion = form.get("client_assertion")
    try:
        if isinstance(assertion, str) and assertion:
            issuer = jose.unverified_claims(assertion).get("iss")
            return issuer if isinstance(issuer, str) else ""
        header = request.headers.get("authorization")
        if header is not None:
            return service.basic_credentials(header).client_id or ""
    except (jose.AuthError, TokenRefused):
        return ""
    named = form.get("client_id")
    return named if isinstance(named, str) else ""
