"""HTTP of the people of a profile, and of the notice they are given."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import RoleLacksRight
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import EditsFrozen, OwnedByPartner, PartnerNotFound
from app.partners.people import errors, service
from app.partners.people.queries import After
from app.partners.people.rules import NOTICES, notice_in_force
from app.partners.people.schemas import (
    NoticeOut,
    NoticeVersion,
    PeopleFilter,
    PersonEnd,
    PersonEntry,
    PersonIn,
    PersonOut,
    PersonPatch,
)
from app.partners.purpose import PurposeHeader, purposes_of

_PATH = "/partners/{partner_id}/people"
router = Router(tags=["people"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PEOPLE_READ)]
Writer = Annotated[Caller, requires(Scope.PEOPLE_WRITE)]
Creator = Annotated[Caller, requires_once(Scope.PEOPLE_WRITE)]
NoticeReader = Annotated[Caller, requires(Scope.PARTNERS_READ, Scope.SELF_READ)]
_WRITING = (PartnerNotFound, RoleLacksRight, EditsFrozen, OwnedByPartner)


def page_after(pager: Pager) -> After:
    """The time and id after which a page begins."""
    if pager.after is None:
        return None
    return datetime.fromisoformat(pager.after[0]), UUID(pager.after[1])


def page_key(row: Any) -> list[str]:
    """Undo `page_after`."""
    return [row.created_at.isoformat(), str(row.id)]


@router.get(
    _PATH,
    operation_id="listPeople",
    response_model=Page[PersonOut],
    responses=problems(PartnerNotFound, PurposeRequired, CursorInvalid),
    summary="Read a partner's people",
)
async def list_people(
    request: Request,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    keyring: Keys,
    filters: Annotated[PeopleFilter, Query()],
    response: Response,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """Those who stand for the partner, for a stated purpose. The log names each one shown."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows, stated = await service.list_people(
        session, caller, partner_id, filters, page_after(pager), purposes_of(request)
    )
    page, following = pager.page(list(rows), page_key, response)
    shown = await service.disclose(session, keyring, caller, partner_id, page, stated)
    return {"items": shown, "next_cursor": following}


@router.post(
    _PATH,
    status_code=201,
    operation_id="addPerson",
    response_model=PersonEntry,
    responses=problems(*_WRITING, errors.NoticeUnknown),
    summary="Add a person to a profile",
)
async def add_person(
    partner_id: UUID,
    new: PersonIn,
    caller: Creator,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """On the partner's behalf, while it does not keep its profile itself.

    Date of birth and nationality only with the list match that needs them. The answer does not
    repeat the person.
    """
    made = await service.add_person(session, keyring, caller, partner_id, new)
    response.headers["Location"] = f"/v1/partners/{partner_id}/people/{made['id']}"
    response.headers["ETag"] = version_etag(made["version"])
    return made


@router.get(
    _PATH + "/{person_id}",
    operation_id="getPartnerPerson",
    response_model=PersonOut,
    responses=problems(PartnerNotFound, errors.PersonEntryNotFound, PurposeRequired),
    summary="Read a person of a profile",
)
async def get_person(
    request: Request,
    partner_id: UUID,
    person_id: UUID,
    caller: Reader,
    session: Session,
    keyring: Keys,
    response: Response,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """One entry and its person, for a stated purpose; the reading is logged."""
    found = await service.read_person(
        session, keyring, caller, partner_id, person_id, purposes_of(request)
    )
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.patch(
    _PATH + "/{person_id}",
    operation_id="changePartnerPerson",
    response_model=PersonEntry,
    responses=problems(
        *_WRITING,
        errors.PersonEntryNotFound,
        errors.PersonErased,
        errors.PersonPatchInvalid,
        errors.PeriodInvalid,
        errors.NoticeUnknown,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change a person of a profile",
)
async def change_person(
    partner_id: UUID,
    person_id: UUID,
    patch: PersonPatch,
    version: Annotated[int, Depends(expected_version)],
    caller: Writer,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """JSON Merge Patch; needs `If-Match`. What was before is kept, sealed."""
    changed = await service.change_person(
        session, keyring, caller, partner_id, person_id, version, patch
    )
    response.headers["ETag"] = version_etag(changed["version"])
    return changed


@router.post(
    _PATH + "/{person_id}/end",
    status_code=201,
    operation_id="endPerson",
    response_model=PersonEntry,
    responses=problems(
        *_WRITING,
        errors.PersonEntryNotFound,
        errors.PersonErased,
        errors.PersonEnded,
        errors.PeriodInvalid,
        errors.ReplacementUnknown,
    ),
    summary="End a person's entry",
)
async def end_person(
    partner_id: UUID,
    person_id: UUID,
    end: PersonEnd,
    caller: Creator,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """The person no longer stands for the partner; another entry may come after."""
    ended = await service.end_person(session, caller, partner_id, person_id, end, now.date())
    response.headers["ETag"] = version_etag(ended["version"])
    return ended


@router.get(
    "/privacy-notice",
    operation_id="getPrivacyNotice",
    response_model=NoticeOut,
    responses=problems(errors.NoticeNotFound),
    summary="Read the privacy notice",
)
async def get_privacy_notice(
    caller: NoticeReader, now: Now, version: Annotated[NoticeVersion | None, Query()] = None
) -> dict[str, Any]:
    """What people named in a profile are told: the text in force, or that of a version."""
    if version is None:
        return notice_in_force(now.date())
    if version not in NOTICES:
        raise errors.NoticeNotFound
    return NOTICES[version]
