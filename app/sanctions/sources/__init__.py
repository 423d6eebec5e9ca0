"""The lists the registry can import: an explicit table, one line a source.

Beside them, ``csv:<name>`` is a source for any name: a table with a mapping of its own.
"""

from app.sanctions.sources import (
    ca_sema,
    eu_fsf,
    ftm_simple,
    mapped,
    ofac,
    uk_ofsi,
    uk_sanctions,
    ungm,
    unsc,
    us_bis_dpl,
    us_csl,
    world_bank,
)
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
    "eu_fsf": eu_fsf.SOURCE,
    "uk_ofsi": uk_ofsi.SOURCE,
    "uk_sanctions": uk_sanctions.SOURCE,
    "world_bank": world_bank.SOURCE,
    "ca_sema": ca_sema.SOURCE,
    "us_bis_dpl": us_bis_dpl.SOURCE,
    "us_csl": us_csl.SOURCE,
    "ungm": ungm.SOURCE,
    "ftm_simple": ftm_simple.SOURCE,
}


def find(code: str) -> ListSource:
    """The source with this code, ``csv:<name>`` included. Raises KeyError."""
    source = mapped.source_of(code)
    return ALL[code] if source is None else source


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
    "find",
]
