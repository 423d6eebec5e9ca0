"""The life of an agency, as the operator leads it: applicant, active, suspended, withdrawn.

The database decides what step is possible (trigger ``agencies_life_cycle``); the code here says
why not, in one sentence, and writes down who did it and for what reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.models import (
    AGREEMENTS,
    Agency,
    AgencyAgreement,
    AgencyStatusChange,
    FocalPoint,
)
from app.audit import service as audit
from app.audit.events import Event
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType

_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,15}")
_MAILBOX = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_LACKS = text("SELECT agency_lacks(:agency)")
_STEPS = {
    ("applicant", "active"): (Event.AGENCY_ACTIVATED, EventType.AGENCY_ACTIVATED),
    ("active", "suspended"): (Event.AGENCY_SUSPENDED, EventType.AGENCY_SUSPENDED),
    ("suspended", "active"): (Event.AGENCY_RESUMED, EventType.AGENCY_RESUMED),
    ("active", "withdrawn"): (Event.AGENCY_WITHDRAWN, EventType.AGENCY_WITHDRAWN),
    ("suspended", "withdrawn"): (Event.AGENCY_WITHDRAWN, EventType.AGENCY_WITHDRAWN),
}


class AgencyProblem(Exception):
    """An agency cannot be made or moved as asked; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class NewAgency:
    """An entity that applies to take part."""

    code: str
    name: str
    contact_office: str
    contact_email: str
    xm_dac: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """A signed agreement or assessment; ``kind`` is one of `AGREEMENTS`."""

    kind: str
    reference: str
    signed_on: date
    document_sha256: str
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A focal point: an office and its mailbox."""

    subject: str
    office: str
    email: str
    country: str | None = None


def check(new: NewAgency) -> None:
    """Raises AgencyProblem for what no database is needed to refuse."""
    if not _CODE.fullmatch(new.code):
        raise AgencyProblem(f"{new.code!r} is no agency code: 2 to 16 capitals, digits and _.")
    _check_mailbox(new.contact_email)


async def apply(session: AsyncSession, new: NewAgency) -> Agency:
    """Take down an applicant. Raises AgencyProblem."""
    check(new)
    if await session.scalar(select(Agency.id).where(Agency.code == new.code)) is not None:
        raise AgencyProblem(f"There is an agency {new.code} already.")
    agency = Agency(
        id=new_id(),
        code=new.code,
        name=new.name,
        xm_dac=list(new.xm_dac),
        contact_office=new.contact_office,
        contact_email=new.contact_email,
        status="applicant",
        version=1,
    )
    session.add(agency)
    await session.flush()  # what follows refers to the row
    await _log(session, agency, Event.AGENCY_CREATED)
    await events.publish(session, EventType.AGENCY_CREATED, agency.id, agency.id, code=agency.code)
    return agency


def _check_mailbox(email: str) -> None:
    if not _MAILBOX.fullmatch(email):
        raise AgencyProblem(f"{email!r} is no e-mail address.")


async def _log(session: AsyncSession, agency: Agency, event: Event, **detail: Any) -> None:
    subject = audit.Subject(agency.id, owner_agency=agency.id)
    await audit.record(session, audit.OPERATOR, event, subject, **detail)


async def record_agreement(
    session: AsyncSession, code: str, paper: Paper, *, by: str, today: date
) -> None:
    """Write down a signed paper. Raises AgencyProblem."""
    agency = await find(session, code)
    if paper.kind not in AGREEMENTS:
        raise AgencyProblem(f"The kind of paper is one of {', '.join(AGREEMENTS)}.")
    if paper.signed_on > today:
        raise AgencyProblem("The paper is signed in the future.")
    if paper.valid_until is not None and paper.valid_until < paper.signed_on:
        raise AgencyProblem("The paper ends before it was signed.")
    if not re.fullmatch(r"[0-9a-f]{64}", paper.document_sha256):
        raise AgencyProblem("The SHA-256 of the document is 64 hexadecimal digits.")
    known = await session.scalar(
        select(AgencyAgreement.id).where(
            AgencyAgreement.agency_id == agency.id,
            AgencyAgreement.kind == paper.kind,
            AgencyAgreement.reference == paper.reference,
        )
    )
    if known is not None:
        raise AgencyProblem(f"{paper.reference} of {code} is recorded already.")
    row = AgencyAgreement(
        id=new_id(),
        agency_id=agency.id,
        kind=paper.kind,
        reference=paper.reference,
        signed_on=paper.signed_on,
        valid_until=paper.valid_until,
        document_sha256=paper.document_sha256,
        recorded_by=by,
    )
    session.add(row)
    await session.flush()
    await _log(session, agency, Event.AGENCY_AGREED, agreement=str(row.id), kind=paper.kind)


async def add_contact(session: AsyncSession, code: str, contact: Contact) -> None:
    """Name a focal point for an agency that cannot do it by itself yet. Raises AgencyProblem."""
    agency = await find(session, code)
    _check_mailbox(contact.email)
    row = FocalPoint(
        id=new_id(),
        agency_id=agency.id,
        subject=contact.subject,
        office=contact.office,
        country=contact.country,
        email=contact.email,
    )
    session.add(row)
    await session.flush()
    await _log(session, agency, Event.FOCAL_POINT_CREATED, focal_point=str(row.id))


async def find(session: AsyncSession, code: str, *, lock: bool = False) -> Agency:
    """The agency, in whatever state; ``lock`` holds its row. Raises AgencyProblem."""
    query = select(Agency).where(Agency.code == code)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    agency = (await session.scalars(query)).one_or_none()
    if agency is None:
        raise AgencyProblem(f"There is no agency {code}.")
    return agency


async def lacking(session: AsyncSession, agency_id: UUID) -> list[str]:
    """What an agency lacks to be active, as ``agreement:…`` and ``focal_point:…``."""
    return list(await session.scalar(_LACKS, {"agency": agency_id}) or ())


async def activate(session: AsyncSession, code: str, *, reason: str, by: str) -> None:
    """An applicant takes part from now on. Raises AgencyProblem, naming what is lacking."""
    agency = await find(session, code, lock=True)
    if agency.status != "applicant":
        raise AgencyProblem(f"{code} is {agency.status}, not an applicant.")
    await _to_active(session, agency, reason, by)


async def resume(session: AsyncSession, code: str, *, reason: str, by: str) -> None:
    """A suspended agency takes part again. Raises AgencyProblem, naming what is lacking."""
    agency = await find(session, code, lock=True)
    if agency.status != "suspended":
        raise AgencyProblem(f"{code} is {agency.status}, not suspended.")
    await _to_active(session, agency, reason, by)


async def _to_active(session: AsyncSession, agency: Agency, reason: str, by: str) -> None:
    missing = await lacking(session, agency.id)
    if missing:
        raise AgencyProblem(f"{agency.code} lacks {', '.join(missing)}.")
    await _move(session, agency, "active", reason, by)


async def suspend(session: AsyncSession, code: str, *, reason: str, by: str) -> None:
    """Refuse the agency's clients from their next request on; nothing else changes.

    Raises AgencyProblem.
    """
    agency = await find(session, code, lock=True)
    if agency.status != "active":
        raise AgencyProblem(f"{code} is {agency.status}, not active.")
    await _move(session, agency, "suspended", reason, by)


async def withdraw(
    session: AsyncSession, code: str, *, custodian: str, reason: str, by: str
) -> None:
    """The agency leaves for good; ``custodian`` answers for what it has said.

    ``custodian`` is the code of an active agency, or an office in words. Agencies that this one
    was custodian of get the same custodian. The agency's clients are refused from their next
    request on, so that nothing shared with it is read while the worker ends the shares one
    floor above (`app.assessments.consumers`). Raises AgencyProblem.
    """
    agency = await find(session, code, lock=True)
    if agency.status not in ("active", "suspended"):
        raise AgencyProblem(f"{code} is {agency.status}: only a participant withdraws.")
    heir = (await session.scalars(select(Agency).where(Agency.code == custodian))).one_or_none()
    if heir is not None and (heir.status != "active" or heir.id == agency.id):
        raise AgencyProblem(f"The custodian {custodian} must be another, active agency.")
    if heir is None and (_CODE.fullmatch(custodian) or not custodian.strip()):
        raise AgencyProblem(f"There is no agency {custodian}; name an office in words otherwise.")
    in_charge = {
        "custodian_agency": heir.id if heir else None,
        "custodian_office": None if heir else custodian.strip(),
    }
    await session.execute(
        update(Agency)
        .where(Agency.custodian_agency == agency.id)
        .values(version=Agency.version + 1, **in_charge)
        .execution_options(synchronize_session=False)
    )
    await _move(session, agency, "withdrawn", reason, by, withdrawn_at=func.now(), **in_charge)


async def _move(
    session: AsyncSession, agency: Agency, status: str, reason: str, by: str, **values: Any
) -> None:
    """Change the status of a locked agency: row, history, log and event in one transaction."""
    before = agency.status
    if not reason.strip():
        raise AgencyProblem("Say why.")
    await session.execute(
        update(Agency)
        .where(Agency.id == agency.id)
        .values(status=status, version=Agency.version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(agency)
    session.add(
        AgencyStatusChange(
            id=new_id(),
            agency_id=agency.id,
            from_status=before,
            to_status=status,
            reason=reason.strip(),
            recorded_by=by,
        )
    )
    event, kind = _STEPS[before, status]
    await _log(session, agency, event, version=agency.version, custodian=_text(agency))
    await events.publish(session, kind, agency.id, agency.id, code=agency.code)


def _text(agency: Agency) -> str | None:
    return str(agency.custodian_agency) if agency.custodian_agency else None


async def admit(
    session: AsyncSession,
    new: NewAgency,
    papers: Sequence[Paper],
    contacts: Sequence[Contact],
    *,
    reason: str,
    by: str,
    today: date,
) -> Agency:
    """All of it at once: application, papers, focal points, activation. Raises AgencyProblem."""
    agency = await apply(session, new)
    for paper in papers:
        await record_agreement(session, new.code, paper, by=by, today=today)
    for contact in contacts:
        await add_contact(session, new.code, contact)
    await activate(session, new.code, reason=reason, by=by)
    return agency
