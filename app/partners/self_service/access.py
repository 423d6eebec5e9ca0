"""Whom a partner's client acts for: its own profile, and nothing else.

The client of a profile that was merged into another reads what is stated about it and answers it
as before, since nothing may take away its access to reply; the profile itself it neither reads nor
changes any more. Who acts for the survivor is decided by a claim on the survivor.
"""

from __future__ import annotations

from uuid import UUID

from app.auth.caller import Caller


def own_id(caller: Caller) -> UUID:
    """The calling partner. Scopes `self:*` are held by partners' clients alone."""
    assert caller.partner_id is not None
    return caller.partner_id
