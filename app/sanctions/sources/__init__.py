"""The lists the registry can import: an explicit table, one line a source."""

from app.sanctions.sources import eu_fsf, unsc, world_bank
from app.sanctions.sources.base import (
    Audience,
    ListedCountry,
    ListedDate,
    ListedDocument,
    ListedIdentifier,
    ListedMeasure,
    ListedName,
    ListedParty,
    ListedPlace,
    ListHeader,
    ListSource,
    ParsedList,
    Regime,
    SourceEmpty,
    SourceUnreadable,
)

ALL: dict[str, ListSource] = {
    "unsc": unsc.SOURCE,
    "eu_fsf": eu_fsf.SOURCE,
    "world_bank": world_bank.SOURCE,
}

__all__ = [
    "ALL",
    "Audience",
    "ListHeader",
    "ListSource",
    "ListedCountry",
    "ListedDate",
    "ListedDocument",
    "ListedIdentifier",
    "ListedMeasure",
    "ListedName",
    "ListedParty",
    "ListedPlace",
    "ParsedList",
    "Regime",
    "SourceEmpty",
    "SourceUnreadable",
]
