"""The lists the registry can import: an explicit table, one line a source."""

from app.sanctions.sources import eu_fsf, ftm_simple, uk_ofsi, uk_sanctions, unsc, world_bank
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
    "uk_ofsi": uk_ofsi.SOURCE,
    "uk_sanctions": uk_sanctions.SOURCE,
    "world_bank": world_bank.SOURCE,
    "ftm_simple": ftm_simple.SOURCE,
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
