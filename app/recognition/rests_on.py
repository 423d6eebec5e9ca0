"""What a decision rested on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RestsOn:
    """A fact that a decision read: measure, assessment, flag, match, source, policy, partner,
    verification, transfer_restriction or share."""

    kind: str
    id: str
    version: int | None
