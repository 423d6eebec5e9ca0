"""Errors of shares with a group."""

from __future__ import annotations

from app.core.errors import NotFound, ServiceError


class GroupUnknown(ServiceError):
    status = 422
    code = "group_unknown"
    title = "There is no such group of agencies."


class GroupEmpty(ServiceError):
    status = 422
    code = "group_empty"
    title = "No other agency of this group is in the registry."


class AgencyNotInGroup(ServiceError):
    status = 422
    code = "agency_not_in_group"
    title = "The agency is not of this group; share with it alone."


class NoDefaultPolicies(ServiceError):
    status = 422
    code = "no_default_policies"
    title = "Nothing is usually shared of this type with this group."


class GroupShareNotFound(NotFound):
    code = "group_share_not_found"
    title = "There is no such share with a group."
    refusal = True
