"""The lists the registry can import: an explicit table, one line a source."""

from app.sanctions.sources import ca_sema, ofac, unsc, us_bis_dpl, us_csl
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
    "ofac_sdn": ofac.SDN,
    "ofac_cons": ofac.CONS,
    "us_bis_dpl": us_bis_dpl.SOURCE,
    "us_csl": us_csl.SOURCE,
    "ca_sema": ca_sema.SOURCE,
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
