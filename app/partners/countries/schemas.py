"""Wire shapes of country settings."""

from __future__ import annotations

from pydantic import Field

from app.core.paging import PageQuery
from app.core.schemas import Flag, Instant, Paragraph, Schema


class CountrySettingIn(Schema):
    """Whether the partners of a country are kept from the public, and why."""

    sensitive: Flag = Field(
        description="true: no profile of the country is ever public", examples=[True]
    )
    reason: Paragraph = Field(
        description="for other agencies to read; no names",
        examples=["Named partners of the United Nations were threatened."],
    )


class CountrySettingOut(Schema):
    """What holds for all partners of a country."""

    country: str = Field(examples=["KEN"])
    version: int
    sensitive: bool
    reason: str
    set_by: str = Field(description="agency", examples=["UNDP"])
    set_at: Instant


class CountrySettingFilter(PageQuery):
    """A page of the settings."""

    sensitive: bool | None = None
