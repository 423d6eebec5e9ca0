"""Errors of agencies."""

from __future__ import annotations

from functools import partial

from app.core import explain
from app.core.errors import Conflict, NotFound, ServiceError


class AgencyNotFound(NotFound):
    """Absent, or for a write not the caller's own."""

    code = "agency_not_found"
    title = "There is no such agency."
    refusal = True


class AgencyUnknown(ServiceError):
    """A body names an agency that does not take part."""

    status = 422
    code = "agency_unknown"
    title = "The agency does not take part in the registry."


class OfficeNotFound(NotFound):
    code = "office_not_found"
    title = "There is no such office."
    refusal = True


class FocalPointNotFound(NotFound):
    code = "focal_point_not_found"
    title = "There is no such focal point."
    refusal = True


class SettingNotFound(NotFound):
    code = "setting_not_found"
    title = "There is no such setting."
    refusal = True


class PatchEmpty(ServiceError):
    status = 422
    code = "patch_empty"
    title = "The patch changes nothing."


class OfficeCodeTaken(Conflict):
    code = "office_code_taken"
    title = "The agency has an office with this code."


class HeadOfficeExists(Conflict):
    code = "head_office_exists"
    title = "The agency has an open headquarters already."


class OfficesOpenBelow(Conflict):
    code = "offices_open_below"
    title = "Close the offices below it first, or give them another parent."


class ParentUnfit(ServiceError):
    """The parent must be an open office of the same agency and of a wider kind."""

    status = 422
    code = "parent_unfit"
    title = "The parent must be an open office of the agency of a wider kind."


class OfficeUnknown(ServiceError):
    status = 422
    code = "office_unknown"
    title = "The agency has no such office."


class LastFocalPoint(Conflict):
    code = "last_focal_point"
    title = "An agency keeps a focal point for this subject; name another first."


class SettingDateInvalid(ServiceError):
    status = 422
    code = "setting_date_invalid"
    title = "A setting takes effect today or later, and ends after it begins."


_REFUSED: dict[str, type[ServiceError]] = {
    "uq_offices_agency_id_code": OfficeCodeTaken,
    "uq_offices_agency_id_hq": HeadOfficeExists,
    "fk_offices_parent": ParentUnfit,
    "offices_tree": ParentUnfit,
    "ck_offices_own_parent": ParentUnfit,
    "offices_open_below": OfficesOpenBelow,
    "fk_focal_points_office": OfficeUnknown,
    "focal_points_required": LastFocalPoint,
}


explained = partial(explain.explained, refusals=_REFUSED)
"""A savepoint in which the database's refusal becomes the error that says what it means."""
