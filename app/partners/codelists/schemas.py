"""Wire shapes of code lists."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from app.core.codelists import Language
from app.core.paging import PageQuery
from app.core.schemas import Schema

Version = Annotated[
    str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.]{0,19}$"), Field(examples=["2026.1"])
]


class CodeListQuery(Schema):
    """Which edition, and in which language."""

    version: Version | None = Field(None, description="an older edition; absent: that in force")
    lang: Language | None = Field(None, description="language of `label`, before Accept-Language")


class CodeListFilter(PageQuery):
    """Page of the list of lists."""


class CodeListRow(Schema):
    """A code list and its edition in force."""

    code: str = Field(examples=["sectors"])
    title: str
    version: str = Field(examples=["2026.1"])
    effective_from: date
    count: int


class ItemOut(Schema):
    """A code, its label in the language asked for (English where there is none) and in all."""

    code: str = Field(examples=["WASH"])
    label: str = Field(examples=["WASH and Environment"])
    labels: dict[str, str] = Field(examples=[{"en": "WASH and Environment"}])
    parent: str | None = None
    deprecated: bool = Field(description="still read, no longer accepted")
    facts: dict[str, str] = Field(description="codes of the same thing elsewhere", examples=[{}])


class CodeListOut(Schema):
    """One edition of a code list."""

    code: str = Field(examples=["sectors"])
    title: str
    version: str = Field(examples=["2026.1"])
    versions: list[str] = Field(description="every edition, the newest last", examples=[["2026.1"]])
    effective_from: date
    source: str
    confirmed: bool = Field(description="whether it was compared with its source")
    language: Language = Field(description="of `label`")
    items: list[ItemOut]
