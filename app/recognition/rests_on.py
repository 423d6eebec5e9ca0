"""What a clearance rests on: which record, in which version."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RestsOn:
    """One fact by kind and id.

    Kinds: measure, assessment, flag, match, source, policy, partner, verification,
    transfer_restriction, share.
    """

    kind: str
    id: str
    version: int | None
