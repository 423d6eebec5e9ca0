"""Everything that can go wrong, and the exit code that says so to a script.

ClientError
├── NotConfigured          2   wrong arguments, no store here, a store of another registry
├── Stale                 20   the copy cannot be trusted to be current
│   ├── NeverPulled
│   └── ClockSetBack
├── VerificationFailed    30   what was served, or what is stored, is not what was signed
│   ├── Malformed              not the agreed shape
│   ├── TooLarge               more bytes than were announced, or than any honest answer has
│   ├── Forged                 a signature is missing or wrong
│   ├── UnknownKey             the keys document names no such key for this use and time
│   ├── WrongIssuer, WrongStream
│   ├── RolledBack             older than, or contradicting, what was already trusted
│   ├── Expired, FromTheFuture
│   ├── Mismatch               digest, length or count differs from the signed one
│   └── StoreDamaged           the local copy no longer holds the signed set
└── Unavailable           40   no usable answer from the registry
    ├── Unreachable            network, time-out, TLS
    ├── Refused                the registry answered with an error
    └── StoreBusy              another pull holds the store
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OK = 0
USAGE = 2
POTENTIAL_MATCH = 10
CONDITIONS = 11
REFER = 12
BLOCKED = 13
STALE = 20
NOT_VERIFIED = 30
UNAVAILABLE = 40


class ClientError(Exception):
    """Base of all errors that this package raises on purpose."""

    exit_code = NOT_VERIFIED


class NotConfigured(ClientError):
    exit_code = USAGE


class Stale(ClientError):
    exit_code = STALE


class NeverPulled(Stale):
    pass


class ClockSetBack(Stale):
    pass


class VerificationFailed(ClientError):
    exit_code = NOT_VERIFIED


class Malformed(VerificationFailed):
    pass


class TooLarge(VerificationFailed):
    pass


class Forged(VerificationFailed):
    pass


class UnknownKey(VerificationFailed):
    pass


class WrongIssuer(VerificationFailed):
    pass


class WrongStream(VerificationFailed):
    pass


class RolledBack(VerificationFailed):
    pass


class Expired(VerificationFailed):
    pass


class FromTheFuture(VerificationFailed):
    pass


class Mismatch(VerificationFailed):
    pass


class StoreDamaged(VerificationFailed):
    pass


class Unavailable(ClientError):
    exit_code = UNAVAILABLE


class Unreachable(Unavailable):
    pass


class StoreBusy(Unavailable):
    pass


class Refused(Unavailable):
    """The registry answered with an error; `code` is the stable code of its problem document."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.problem = problem or {}
