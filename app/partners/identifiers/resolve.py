"""From an identifier to the partner that carries it: exact, never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.errors import PurposeRequired
from app.audit.events import Event
from app.audit.purposes import StatedPurpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.errors import FieldError, InvalidRequest
from app.partners import visibility
from app.partners.errors import ContactRegistry, PartnerNotFound
from app.partners.identifiers import queries, restricted
from app.partners.identifiers.errors import IdentifierAmbiguous
from app.partners.identifiers.schemas import IdentifierStatus, ResolveQuery, RestrictedMatchIn
from app.partners.identifiers.schemes import IdentifierScheme, needs_country, normalise, rule
from app.partners.identifiers.service import authority_key
from app.partners.lineage import root_of
from app.partners.models import Partner


@dataclass(frozen=True, slots=True)
class Found:
    """The partner, merges followed, and how things stand with the identifier."""

    partner_id: UUID
    status: IdentifierStatus


def _invalid(name: str, message: str) -> InvalidRequest:
    return InvalidRequest(
        errors=[FieldError(pointer=f"query:{name}", code="value_error", message=message)]
    )


def _checked(wanted: ResolveQuery) -> str:
    scheme = wanted.scheme
    if rule(scheme).restricted:
        raise _invalid("scheme", "tax numbers are matched by POST, never in an address")
    if not rule(scheme).authoritative:
        raise _invalid("scheme", "identifiers of this scheme prove no identity; match by name")
    if needs_country(scheme) != (wanted.country is not None):
        word = "needs" if needs_country(scheme) else "takes no"
        raise _invalid("country", f"an identifier of this scheme {word} country")
    if wanted.issued_by is not None and scheme is not IdentifierScheme.AGENCY_VENDOR:
        raise _invalid("issued_by", "only vendor numbers are issued by an agency")
    try:
        return normalise(scheme, wanted.value, wanted.country)
    except ValueError as error:
        raise _invalid("value", str(error)) from None


async def resolve(session: AsyncSession, caller: Caller, wanted: ResolveQuery) -> Found:
    """Raises InvalidRequest, PartnerNotFound, IdentifierAmbiguous, or ContactRegistry where a
    profile carries it that is protected from the caller.

    One that has ended is found only when asked for, and only where none is live.
    """
    value = _checked(wanted)
    if wanted.scheme is IdentifierScheme.REGISTRY:
        named = await queries.by_registry(session, value)
        if named is None:
            raise PartnerNotFound
        partner = await session.get(Partner, named)
        assert partner is not None
        if policy.within(caller, partner.country) and not await visibility.may_see(
            session, caller, partner
        ):
            raise ContactRegistry
        return Found(named, "active")
    rows = await queries.carriers(
        session,
        caller,
        {
            "scheme": wanted.scheme.value,
            "value": value,
            "country": wanted.country,
            "area": wanted.area,
            "authority": authority_key(wanted.authority),
            "issuer": wanted.issued_by or caller.agency_code,
            "ended": wanted.include == "ended",
        },
    )
    near = [row for row in rows if policy.within(caller, row.country)]
    known = [row for row in near if row.visible]
    live = [row for row in known if row.active]
    chosen = live or known
    if not chosen:
        raise ContactRegistry if near else PartnerNotFound
    if len({row.id for row in chosen}) > 1:
        raise IdentifierAmbiguous
    if not live:
        return Found(chosen[0].id, "ended")
    return Found(live[0].id, "disputed" if any(row.disputed for row in live) else "active")


async def match_restricted(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    wanted: RestrictedMatchIn,
    stated: StatedPurpose | None,
) -> Found | None:
    """The partner that holds a tax number, if the caller may read it; the asking is logged.

    Raises PurposeRequired.
    """
    if stated is None:
        raise PurposeRequired
    value = await restricted.digest(session, keys, wanted)
    row = await queries.live_restricted(session, wanted.scheme.value, wanted.country, value)
    found = None
    if row is not None:
        partner = await session.get(Partner, await root_of(session, row.partner_id))
        assert partner is not None
        resource = policy.Resource("PEOPLE", country=partner.country)
        if policy.can(caller, "read", resource).allowed and await visibility.may_see(
            session, caller, partner
        ):
            found = Found(partner.id, "disputed" if row.disputed else "active")
    named = found.partner_id if found else None
    await audit.record(
        session,
        caller,
        Event.RESTRICTED_IDENTIFIER_MATCHED,
        audit.Subject(named, partner_id=named),
        purpose=stated.purpose,
        reference=stated.reference,
        basis="role",
        scheme=wanted.scheme.value,
    )
    return found
