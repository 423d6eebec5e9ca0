"""The lists the registry can import: an explicit table, one line a source."""

from app.sanctions.sources import unsc
from app.sanctions.sources.base import (
    ListedCountry,
    ListedDate,
    ListedDocument,
    ListedName,
    ListedParty,
    ListedPlace,
    ListHeader,
    ListSource,
    ParsedList,
    SourceEmpty,
    SourceUnreadable,
)

ALL: dict[str, ListSource] = {
    "unsc": unsc.SOURCE,
}

__all__ = [
    "ALL",
    "ListHeader",
    "ListSource",
    "ListedCountry",
    "ListedDate",
    "ListedDocument",
    "ListedName",
    "ListedParty",
    "ListedPlace",
    "ParsedList",
    "SourceEmpty",
    "SourceUnreadable",
]
