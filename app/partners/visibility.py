"""Who may know of a protected profile (domain.md 10.4).

Naming a human-rights group as a partner can endanger its people. For an agency without the right
such a profile is absent from reads, lists, matches and exports; where its absence would make
somebody create it again, the answer says to contact the registry, and nothing else.

The right: the scope ``partners:protected``; or the agency made the profile; or it keeps a vendor
number of its own for it. Of profiles that were merged, either one's creator and vendor numbers
count.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.auth.roles import MATRIX, scopes_of
from app.auth.scopes import Scope
from app.partners.models import Partner


def visible(partner: str, agency: str, holder: str) -> str:
    """SQL condition on a profile (``partner`` is its alias in the statement).

    ``agency`` and ``holder`` are expressions of SQL: the calling agency's id, and whether the
    caller holds the scope `partners:protected`.
    """
    # A scalar subquery, not EXISTS: that one the planner may answer by hashing every identifier.
    return f"""(NOT {partner}.protected OR {holder} OR {partner}.created_by = {agency}
    OR coalesce((SELECT true FROM partner_identifiers v
      WHERE v.partner_id IN (SELECT partner_lineage({partner}.id))
      AND v.agency_id = {agency} AND v.active LIMIT 1), false)
    OR coalesce((SELECT true FROM partners c WHERE c.id IN (SELECT partner_lineage({partner}.id))
      AND c.created_by = {agency} LIMIT 1), false))"""  # noqa: S608 - ours


_ROLES = ", ".join(
    f"'{role}'"
    for role in sorted(MATRIX.roles)
    if Scope.PARTNERS_PROTECTED in scopes_of(frozenset({role}))
)


def held(token_holds: str) -> str:
    """SQL: whether the client ``client_status s`` holds `partners:protected` by this token.

    ``token_holds`` is an expression of SQL: whether the token names the scope. The same answer as
    `sees_protected` of the Caller, for statements that read the caller's status themselves.
    """
    return f"""({token_holds} AND '{Scope.PARTNERS_PROTECTED.value}' = ANY (s.scopes)
    AND (s.roles = '{{}}' OR s.roles && ARRAY[{_ROLES}]::text[]))"""


def public(partner: str) -> str:
    """SQL condition: this profile may be shown to anybody.

    The partner agreed, it is verified as of today, nobody has it protected, and its country does
    not keep the names of partners back.
    """
    return f"""({partner}.publication_consent AND {partner}.status = 'verified'
    AND coalesce({partner}.verified_until >= current_date, true)
    AND NOT {partner}.protected AND NOT coalesce((SELECT c.sensitive FROM country_settings c
      WHERE c.country = {partner}.country), false))"""  # noqa: S608 - an alias of ours


_VISIBLE = text(
    f"SELECT {visible('p', ':agency', ':holder')} FROM partners p WHERE p.id = :partner"  # noqa: S608 - texts of ours; values are bound
)


def sees_protected(caller: Caller) -> bool:
    """Whether the caller may know of every protected profile."""
    return Scope.PARTNERS_PROTECTED in caller.scopes


SURVIVOR = f"""SELECT p.id FROM partners p WHERE p.id = partner_root($1)
    AND (cardinality($2::text[]) = 0 OR p.country = ANY ($2))
    AND ({visible("p", "$3::uuid", "$4::boolean")} OR p.id = partner_root($5::uuid))"""  # noqa: S608 - texts of ours; values are bound
"""The profile that stands for $1, if the caller may know of it; for both paths. Its other
parameters are `survivor_args`."""


def survivor_args(caller: Caller) -> tuple[object, ...]:
    """Parameters $2 to $5 of `SURVIVOR`."""
    countries = sorted(caller.countries)
    return countries, caller.agency_id, sees_protected(caller), caller.partner_id


async def may_see(session: AsyncSession, caller: Caller, partner: Partner) -> bool:
    """Whether the caller may know of this profile; its country scope is asked apart."""
    if not partner.protected or sees_protected(caller) or partner.id == caller.partner_id:
        return True
    values = {"agency": caller.agency_id, "holder": False, "partner": partner.id}
    return bool(await session.scalar(_VISIBLE, values))
