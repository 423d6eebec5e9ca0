"""What a decision rested on."""

from __future__ import annotations

from typing import NamedTuple

STALE_SOURCE = "stale_source"
"""Kind of a dependency on what was stale: its clearance waits for a newer state of it."""
TIME = "time"
"""Kind of a dependency on the clock: from then on the answer may be another by itself."""
NAME, IDENTIFIER = "name", "identifier"
"""Kinds of dependencies of answers without a profile: keys of a name, a hash of an identifier."""
SHARE = "share"
"""Kind of a dependency on a share of an assessment: `SHARE/ASSESSMENT`."""
AGENCY = "agency"
"""No dependency of its own: what changed concerns every open clearance of an agency."""
NAMELESS = "nameless"
"""No dependency of its own: what changed concerns every open clearance without a profile."""


class RestsOn(NamedTuple):
    """A fact that a decision read: measure, assessment, flag, match, source, policy, partner,
    verification, transfer_restriction, or one of the kinds above."""

    kind: str
    id: str
    version: int | None
