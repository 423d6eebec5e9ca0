"""Wire shapes of agencies."""

from __future__ import annotations

from pydantic import Field

from app.core.schemas import Schema


class FocalPointOut(Schema):
    """A mailbox of an agency for one subject."""

    subject: str = Field(examples=["implementing_partners"])
    office: str = Field(examples=["HQ"])
    country: str | None = Field(None, description="alpha-3; null for headquarters")
    email: str = Field(examples=["partners@unicef.example"])


class AgencyOut(Schema):
    """A participating agency."""

    code: str = Field(examples=["UNICEF"])
    name: str
    xm_dac: list[str] = Field(description="IATI codes of the agency, `XM-DAC-nnnnn`")
    contact_office: str
    contact_email: str
    status: str
