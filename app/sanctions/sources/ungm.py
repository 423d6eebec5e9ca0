"""The ineligibility list of the United Nations Global Marketplace, as a mapped table.

The Marketplace has no interface for it yet and no documented export: until then the list comes as
a table in our own columns (`ungm.mapping.yaml`), or in others with a mapping of their own. It is
known to the agencies alone.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.sanctions.sources.base import Audience, Level, Regime, SourceDefaults
from app.sanctions.sources.issue import Issue
from app.sanctions.sources.mapped import read

_MAPPING = Path(__file__).with_name("ungm.mapping.yaml")


@dataclass(frozen=True)
class Ungm(SourceDefaults):
    """The source as registered."""

    code: str = "ungm"
    title: str = "United Nations Global Marketplace ineligibility list"
    publisher: str = "United Nations Global Marketplace"
    licence: str = "for the participating agencies only"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "shared"
    regime: Regime = "VENDOR"
    shrink_limit: float = 0.2
    level: Level = "INTER_AGENCY"

    def parse(self, *paths: Path) -> Issue:
        """See ListSource: the table, and a ``*.mapping.yaml`` if it has other columns."""
        return read(paths, _MAPPING)


SOURCE = Ungm()
