"""Groups of agencies and the usual policies: versioned data (groups.yaml), read once."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.audit.purposes import AccessPurpose
from app.core import datafiles


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Group(_Data):
    """Agencies by their codes, members of the registry or not. ``effective_from`` is of the group
    as it is in the field."""

    title: str
    members: tuple[str, ...]
    source: str
    effective_from: date
    confirmed: bool


class Default(_Data):
    """What is usually shared of a type with a group: a policy for each purpose."""

    type: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    group: str
    level: Literal["summary", "detail"]
    purposes: tuple[AccessPurpose, ...]


class Groups(_Data):
    """One version of the groups."""

    version: str
    effective_from: date
    groups: dict[Annotated[str, Field(pattern=r"^[A-Z_]{1,40}$")], Group]
    defaults: tuple[Default, ...]

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = {default.group for default in self.defaults} - self.groups.keys()
        pairs = [(default.type, default.group) for default in self.defaults]
        if unknown or len(set(pairs)) < len(pairs):
            raise ValueError(f"defaults name unknown groups or repeat themselves: {unknown}")
        return self

    def usual(self, type_code: str, group: str) -> Default | None:
        """What is usually shared of a type with a group."""
        found = (one for one in self.defaults if (one.type, one.group) == (type_code, group))
        return next(found, None)


GROUPS = Groups.model_validate(datafiles.read("app.assessments.groups", "groups.yaml"))
