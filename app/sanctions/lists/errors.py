"""Errors of external lists."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class SourceNotFound(NotFound):
    code = "source_not_found"
    title = "There is no such list."


class ListedPartyNotFound(NotFound):
    code = "listed_party_not_found"
    title = "There is no such party on this list."


class ListVersionNotFound(NotFound):
    code = "list_version_not_found"
    title = "There is no such version of this list."


class ListUseNotFound(NotFound):
    code = "list_use_not_found"
    title = "There is no such use of this list."
    refusal = True


class ListCountsForAll(ServiceError):
    status = 409
    code = "list_counts_for_all"
    title = "This list counts for every agency already; it is not switched on or off."


class ListUseOpen(ServiceError):
    status = 409
    code = "list_use_open"
    title = "This list is proposed or in use already."


class ListUseClosed(ServiceError):
    status = 409
    code = "list_use_closed"
    title = "This use is not waiting for an approval, or has ended."


class SecondPersonNeeded(ServiceError):
    status = 409
    code = "second_person_needed"
    title = "Another person than the one who proposed it approves."


class SecondAgencyNeeded(ServiceError):
    status = 409
    code = "second_agency_needed"
    title = "A person of another agency than the one that proposed it approves."
