"""Why a confidential record is read: one list for shares, requests, clearances and the log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

OWN_RECORD = "OWN_RECORD"
"""Purpose written in the log when an agency reads its own record; never sent by a caller."""


class AccessPurpose(StrEnum):
    """What the reader needs the record for. A code is only ever added."""

    PARTNER_SELECTION = "PARTNER_SELECTION"
    CONTRACTING = "CONTRACTING"
    RENEWAL = "RENEWAL"
    ASSURANCE_PLANNING = "ASSURANCE_PLANNING"
    MONITORING = "MONITORING"
    CAPACITY_STRENGTHENING = "CAPACITY_STRENGTHENING"
    EMERGENCY_RESPONSE = "EMERGENCY_RESPONSE"
    OVERSIGHT = "OVERSIGHT"
    INVESTIGATION = "INVESTIGATION"
    AUDIT = "AUDIT"


HELD_PURPOSES = frozenset({AccessPurpose.INVESTIGATION, AccessPurpose.AUDIT})
"""What an oversight role does for one of these is held back from all but oversight roles."""


def is_held(oversight: bool, purpose: str | None) -> bool:
    """Whether what a caller does for this purpose is held back: see HELD_PURPOSES."""
    return oversight and purpose in HELD_PURPOSES


@dataclass(frozen=True, slots=True)
class StatedPurpose:
    """A purpose and the reader's own reference to the business it belongs to."""

    purpose: AccessPurpose
    reference: str


# Printable ASCII without quote and backslash: what is written to the log is what was sent.
_HEADER = re.compile(r'\A([A-Z_]{1,40});[ ]*ref="([ !#-\[\]-~]{1,64})"\Z')


def parse_purpose(header: str) -> StatedPurpose | None:
    """Read ``CODE; ref="…"``; None for anything else, an unknown code or a blank reference."""
    found = _HEADER.match(header)
    if found is None or found[1] not in AccessPurpose.__members__ or not found[2].strip():
        return None
    return StatedPurpose(AccessPurpose(found[1]), found[2])
