"""Requests to one registry: tokens, retries, refusals.

What to do next is decided by a generator that performs no input or output itself
(`Exchange.steps`), so that the blocking and the asynchronous client do exactly the same.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from partner_registry_client.credentials import Credential
from partner_registry_client.encoding import Fields, read_json
from partner_registry_client.errors import (
    Malformed,
    NotConfigured,
    Refused,
    Unavailable,
    Unreachable,
)

MAX_PROBLEM_BYTES = 64 * 1024
ATTEMPTS = 4
MAX_PAUSE_S = 60.0
RETRIED = frozenset({429, 502, 503, 504})
_random = secrets.SystemRandom()


@dataclass(frozen=True)
class Call:
    """One request, and how much may come back."""

    method: str
    path: str
    limit: int
    params: Mapping[str, str] | list[tuple[str, str]] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    form: Mapping[str, str] | None = None
    takes_gzip: bool = False
    wait_s: float = 0.0  # how long the registry may hold the answer back
    again: bool = True  # sent twice it has one effect

    def but(self, **other: Any) -> Call:
        """The same but for these."""
        return replace(self, **other)


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Answer:
    """What came back, within its bounds."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def etag(self) -> str | None:
        value: str | None = self.headers.get("etag")
        return value


Steps = Generator["Call | Pause", "Answer | None", Answer]


class Exchange:
    """Who asks which registry, and with which token now."""

    def __init__(
        self, base_url: str, credential: Credential | None, *, issuer: str, scope: str | None
    ) -> None:
        self.loopback = check_url(base_url)
        self.base = base_url.rstrip("/")
        self.encrypted = self.base.lower().startswith("https:")
        self._credential = credential
        self._issuer = issuer
        self._scope = scope
        self._token: tuple[str, float] | None = None

    def steps(self, call: Call) -> Steps:
        """The answer to a call, 200 to 299 or 304. Raises Unavailable and VerificationFailed."""
        if self._credential is None:
            return _require_success((yield from _attempts(lambda: call)), call.path)
        token = yield from self._access_token()
        answer = yield from _attempts(lambda: _with_token(call, token))
        if answer.status == 401:  # expired or revoked early: one new token, one more try
            self._token = None
            token = yield from self._access_token()
            answer = yield from _attempts(lambda: _with_token(call, token))
        return _require_success(answer, call.path)

    def _access_token(self) -> Generator[Call | Pause, Answer | None, str]:
        if self._token and time.monotonic() < self._token[1]:
            return self._token[0]

        credential = self._credential
        assert credential is not None

        def request() -> Call:
            headers, form = credential.token_request(self._issuer, time.time())
            form["grant_type"] = "client_credentials"
            if self._scope:
                form["scope"] = self._scope
            return Call("POST", "/oauth/token", MAX_PROBLEM_BYTES, headers=headers, form=form)

        answer = _require_success((yield from _attempts(request)), "/oauth/token")
        fields = Fields(read_json(answer.body, "token answer"), "token answer")
        token = fields.text("access_token", 8192)
        if not token.isascii() or not token.isprintable():
            raise Malformed("token answer: not a token")
        lifetime = fields.integer("expires_in", most=86400)
        self._token = (token, time.monotonic() + max(lifetime - 30, 0))
        return token


def _with_token(call: Call, token: str) -> Call:
    return call.but(headers={**call.headers, "Authorization": f"Bearer {token}"})


def _attempts(request: Callable[[], Call]) -> Steps:
    """One answer; tried again while the registry is unreachable, or asks to be left alone."""
    for attempt in range(ATTEMPTS):
        pause = min(2.0**attempt, MAX_PAUSE_S) * _random.uniform(0.5, 1.0)
        failure: Unavailable
        call = request()
        try:
            answer = yield call
        except httpx.HTTPError as error:
            failure = Unreachable(f"{call.path}: {type(error).__name__}: {error}")
            failure.__cause__ = error
            if not call.again:
                break  # it may have had its effect
        else:
            assert answer is not None
            if answer.status not in RETRIED:
                return answer
            failure = _refusal(answer, call.path)
            if not call.again and answer.status not in (429, 503):
                break
            pause = max(pause, _retry_after(answer.headers.get("retry-after")))
        if attempt + 1 == ATTEMPTS or pause > MAX_PAUSE_S:
            break
        yield Pause(pause)
    raise failure


def check_url(url: str) -> bool:
    """Refuse an address that would send credentials in the clear; say whether it is loopback."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise NotConfigured(f"not an address: {error}") from error
    if not parts.host or parts.userinfo or parts.query or parts.fragment:
        raise NotConfigured("the address must be like https://registry.example, and no more")
    try:
        loopback = ipaddress.ip_address(parts.host).is_loopback
    except ValueError:
        loopback = parts.host == "localhost"
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise NotConfigured("the address must begin with https:// (http only on this host)")
    return loopback


def printable(text: str, longest: int = 300) -> str:
    """Text of a stranger, fit for a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text[:longest])


def _require_success(answer: Answer, path: str) -> Answer:
    if not (200 <= answer.status < 300 or answer.status == 304):
        raise _refusal(answer, path)
    if answer.headers.get("content-type", "").startswith("text/html"):
        raise Refused(
            f"{path}: a web page answered instead of the registry (a proxy or portal in between?)",
            status=answer.status,
        )
    return answer


def _refusal(answer: Answer, path: str) -> Refused:
    try:
        problem = dict(Fields(read_json(answer.body, "problem"), "problem").raw)
    except Malformed:
        problem = {}
    code = _words(problem, "code", "error") or None
    words = _words(problem, "detail", "title", "error_description")
    redirect = "redirects are not followed" if 300 <= answer.status < 400 else ""
    said = " ".join(part for part in (str(answer.status), code, words, redirect) if part)
    return Refused(
        f"{path}: the registry answered {said}", status=answer.status, code=code, problem=problem
    )


def _words(problem: Mapping[str, Any], *names: str) -> str:
    """The first of these members that is text."""
    found = (problem[name] for name in names if isinstance(problem.get(name), str))
    return printable(next(found, ""))


def _retry_after(value: str | None) -> float:
    if not value:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
