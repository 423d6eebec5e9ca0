"""The rules of comparing profiles: versioned data (data/matching-*.yaml), read once."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from app.core import datafiles

Share = Annotated[float, Field(ge=0, le=1)]
Effect = Annotated[float, Field(ge=-0.5, le=0.5)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Effects(_Data):
    """What evidence beside the name adds to its score."""

    country_agrees: Effect
    country_differs: Effect
    acronym_agrees: Effect
    year_agrees: Effect
    year_differs: Effect
    website_agrees: Effect


class Alone(_Data):
    """What evidence comes to where no name is alike."""

    acronym: Share
    website: Share


class Rules(_Data):
    """One version of the rules; see the head of the file."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    floor: Share
    duplicate: Share
    effects: Effects
    year_tolerance: int
    alone: Alone
    shared_hosts: frozenset[str]


RULES = Rules.model_validate(datafiles.read("app.partners.matching", "data/matching-1.yaml"))


def domain_of(website: str | None) -> str | None:
    """The host that tells whose site it is; None for a host that many share."""
    if not website:
        return None
    try:
        host = (urlsplit(website).hostname or "").rstrip(".").removeprefix("www.")
    except ValueError:
        return None
    return host if "." in host and host not in RULES.shared_hosts else None
