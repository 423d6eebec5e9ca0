"""Wire shapes of agencies."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from app.core.paging import PageQuery
from app.core.schemas import Code, Country, Day, Flag, Instant, Keyed, Line, Schema, Text

Email = Annotated[
    Text,
    StringConstraints(
        pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,4}$",
        max_length=254,
    ),
    Field(examples=["partners@unicef.example"]),
]
Website = Annotated[
    Text,
    StringConstraints(
        pattern=r"^https://[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,6}(:[0-9]{1,5})?(/[!-~]*)?$",
        max_length=300,
    ),
    Field(examples=["https://www.unicef.example/partnerships"]),
]
PartnerTypeCode = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Z][A-Z_]{1,29}$"), Field(examples=["CBO"])
]
Subject = Literal[
    "implementing_partners", "data_protection", "legal", "oversight", "sanctions", "psea"
]
OfficeKind = Literal["hq", "region", "multi_country", "country"]
OfficeCode = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[A-Z0-9][A-Z0-9_-]{0,31}$"),
    Field(examples=["KEN-CO"]),
]
Countries = Annotated[list[Country], Field(max_length=100, examples=[["KEN"]])]
AgencyStatus = Literal["active", "suspended", "withdrawn"]


class MutualRecognition(Schema):
    """What the agency says of its signature under a mutual-recognition statement."""

    statement: Line = Field(examples=["Mutual Recognition Statement, 2018"])
    signed_on: Day | None = Field(description="null: not signed, or no longer")
    source: Line = Field(examples=["Letter of the executive head, 2018-11-15"])
    confirmed: Flag = Field(description="false: stated from memory, not yet checked at the source")


class MutualRecognitionOut(Schema):
    """The agency's present statement about its signature."""

    statement: str = Field(examples=["Mutual Recognition Statement, 2018"])
    signed_on: date | None = Field(description="null: not signed, or no longer")
    source: str
    confirmed: bool = Field(description="false: stated from memory, not yet checked at the source")


class AgencyOut(Schema):
    """A participating agency."""

    code: str = Field(examples=["UNICEF"])
    name: str
    xm_dac: list[str] = Field(description="IATI codes of the agency, `XM-DAC-nnnnn`")
    contact_office: str
    contact_email: str
    status: AgencyStatus
    website: str | None = None
    partner_unit: str | None = Field(None, description="unit for implementing partners")
    partner_unit_email: str | None = None
    eligible_partner_types: list[str] = Field(
        description="codes of partner types it works with; empty: not stated", examples=[["CBO"]]
    )
    mutual_recognition: MutualRecognitionOut | None = Field(None, description="null: not stated")
    custodian: str | None = Field(
        None,
        description="of a withdrawn agency: code of the agency, or the office, that answers for "
        "its statements",
    )
    version: int


class AgencyFilter(PageQuery):
    """Filters of the list of agencies."""

    status: AgencyStatus | None = None


class ProfilePatch(Schema):
    """JSON Merge Patch of the own profile. Code, name and status are the operator's."""

    contact_office: Line = ""
    contact_email: Email = ""
    website: Website | None = None
    partner_unit: Line | None = Field(None, examples=["Implementing partner management unit"])
    partner_unit_email: Email | None = None
    eligible_partner_types: Annotated[list[PartnerTypeCode], Field(max_length=40)] = Field(
        default=[], description="codes of partner types", examples=[["CBO"]]
    )
    mutual_recognition: MutualRecognition | None = Field(
        None, description="replaces the present statement, which stays in the history"
    )


class FocalPointOut(Schema):
    """A mailbox of an agency for one subject."""

    id: UUID
    subject: str = Field(examples=["implementing_partners"])
    office: str = Field(examples=["HQ"])
    office_id: UUID | None = Field(None, description="the office in the tree, if it is there")
    country: str | None = Field(None, description="alpha-3; null for headquarters")
    email: str = Field(examples=["partners@unicef.example"])
    version: int


class FocalPointIn(Schema):
    """A functional mailbox for one subject; not a person."""

    subject: Subject
    office: Line = Field(examples=["Implementing partner management unit"])
    office_id: UUID | None = None
    country: Country | None = None
    email: Email


class FocalPointPatch(Schema):
    """JSON Merge Patch of a focal point."""

    subject: Subject = "implementing_partners"
    office: Line = ""
    office_id: UUID | None = None
    country: Country | None = None
    email: Email = ""


class OfficeOut(Schema):
    """An office of an agency."""

    id: UUID
    code: str = Field(examples=["KEN-CO"])
    name: str = Field(examples=["Nairobi country office"])
    kind: OfficeKind
    parent_id: UUID | None = None
    countries: list[str] = Field(examples=[["KEN"]])
    active: bool
    version: int
    created_at: Instant


class OfficeFilter(PageQuery):
    """Filters of the list of offices."""

    active: bool | None = None


class OfficeIn(Schema):
    """A new office. Everything but the headquarters has a parent of a wider kind."""

    code: OfficeCode
    name: Line = Field(examples=["Headquarters"])
    kind: OfficeKind = Field(examples=["hq"])
    parent_id: UUID | None = None
    countries: Countries = Field(
        default=[],
        description="one for a country office, two or more for a multi-country one, none for hq",
        examples=[[]],
    )


class OfficePatch(Schema):
    """JSON Merge Patch of an office; `active: false` closes it. Its code and kind never change."""

    name: Line = ""
    parent_id: UUID | None = None
    countries: Countries = Field(default=[], examples=[["KEN"]])
    active: Flag = True


SettingValue = (
    StrictBool
    | StrictInt
    | Code
    | Annotated[list[Code], Field(max_length=50)]
    | Annotated[dict[Code, Code], Field(max_length=60), Keyed]
)


class SettingIn(Schema):
    """A value from a day on. What was set for later days of its period is overtaken."""

    value: SettingValue = Field(examples=[6])
    effective_from: Day | None = Field(None, description="today or later; default: today")
    effective_to: Day | None = Field(
        None, description="last day; after it the default holds again", examples=["2190-12-31"]
    )


class SettingOut(Schema):
    """A setting as it is in effect today."""

    key: str = Field(examples=["default_share_months"])
    title: str
    value: SettingValue = Field(examples=[12])
    default: SettingValue = Field(examples=[12])
    effective_from: date | None = Field(description="null while the default holds")
    effective_to: date | None
    version: int = Field(description="how often it was set; what `If-Match` wants")


class SettingsOut(Schema):
    """All settings; the list is short and has no pages."""

    items: list[SettingOut]


class SettingChangeOut(Schema):
    """One time a setting was set."""

    version: int
    value: SettingValue = Field(examples=[12])
    effective_from: date
    effective_to: date | None
    superseded_at: Instant | None = Field(description="overtaken before it ended by itself")
    set_at: Instant
