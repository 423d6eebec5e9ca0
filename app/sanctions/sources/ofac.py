"""The lists of the US Treasury's Office of Foreign Assets Control, in every format it publishes.

One reader for two codes: the list of Specially Designated Nationals, and the consolidated list
of all the others. The number of an entry is the same in all formats.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from app.sanctions.sources import ofac_advanced, ofac_csv, ofac_enhanced, ofac_xml
from app.sanctions.sources.base import Audience, Regime, SourceDefaults, SourceUnreadable, only
from app.sanctions.sources.issue import Issue, check
from app.sanctions.sources.ofac_terms import PUBLISHER
from app.sanctions.sources.xml_reader import check_bytes, root_of, starts_as_xml

_SDN_LIST = "SDN List"


@dataclass(frozen=True)
class Ofac(SourceDefaults):
    """One of the two lists, as registered."""

    code: str
    title: str
    publisher: str = PUBLISHER
    licence: str = "US public domain"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "opt_in"
    regime: Regime = "NATIONAL"
    shrink_limit: float = 0.2

    def parse(self, *paths: Path) -> Issue:
        """See ListSource. Several files are the legacy set of tables, one is one of the XMLs.

        Nothing in the tables or in the older XML says which of the two lists a file is.
        """
        if len(paths) > 1 or not starts_as_xml(only(paths)):
            parts = ofac_csv.parts_of(paths)
            return check(partial(ofac_csv.read, parts), ofac_csv.facts_of(parts), "csv")
        path = only(paths)
        facts = check_bytes(path)
        root, namespace = root_of(path)
        if root == "sdnList":
            layout = ofac_xml.NAMESPACES.get(namespace, "xml-other")
            return check(partial(ofac_xml.read, path), facts, layout)
        if root == "sanctionsData":
            reading = partial(ofac_enhanced.read, path, self._wants)
            return check(reading, facts, "enhanced-xml")
        if root == "Sanctions":
            reading = partial(ofac_advanced.read, path, self._wants)
            return check(reading, facts, "advanced-xml")
        raise SourceUnreadable(f"none of the formats of this list: <{root[:40]}>", "line 1")

    def _wants(self, on_list: str) -> bool:
        """Whether an entry on the list of this name is one of this source's."""
        return (on_list == _SDN_LIST) == (self.code == "ofac_sdn")


SDN = Ofac("ofac_sdn", "Specially Designated Nationals and Blocked Persons List")
CONS = Ofac("ofac_cons", "Consolidated Sanctions List (Non-SDN Lists)")
