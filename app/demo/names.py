"""The words that the demo world's names are made of (names.json), read once."""

from __future__ import annotations

from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from app.partners.types import PartnerType


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Land(_Data):
    """A country: its language, and words that organisations there are named with.

    The first five words have a form in the country's own script, where it has one.
    """

    alpha3: str
    alpha2: str
    language: str
    words: tuple[str, ...]
    native: tuple[str, ...]


class International(_Data):
    """An international organisation: where its headquarters are, and where it works."""

    name: str
    native: str | None
    acronym: str
    alias: str
    home: str
    home_alpha2: str
    countries: tuple[str, ...]


class Names(_Data):
    """The file. Patterns stand in the order of ``ngo_types``, by language."""

    about: str
    lands: tuple[Land, ...]
    ngo_types: tuple[PartnerType, ...]
    patterns: dict[str, tuple[str, ...]]
    native_patterns: dict[str, tuple[str, ...]]
    official: tuple[tuple[PartnerType, str], ...]
    others: tuple[tuple[PartnerType, str], ...]
    international: tuple[International, ...]


NAMES = Names.model_validate_json(files("app.demo").joinpath("names.json").read_bytes())
