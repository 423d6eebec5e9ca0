"""What of a section is kept back."""

from __future__ import annotations

from app.auth.caller import Caller
from app.partners.models import Partner
from app.partners.sections.kinds.contact import LOCATING
from app.partners.visibility import sees_protected


def withheld(caller: Caller, partner: Partner, section: str) -> frozenset[str]:
    """Fields that are kept back from the caller: where a protected partner is to be found.

    An agency that knows a protected partner by its vendor number alone does not need them.
    """
    if section != "contact" or not partner.protected or sees_protected(caller):
        return frozenset()
    own = caller.agency_id == partner.created_by or caller.partner_id == partner.id
    return frozenset() if own else LOCATING
