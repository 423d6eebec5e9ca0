"""The UK Sanctions List in the CSV layout of 2022, a row a name.

No file of the publisher was at hand: the columns are those that are documented of the layout, and
a column that we do not know is named in the header, never lost.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.sanctions.sources.base import Audience, Regime, SourceDefaults, only
from app.sanctions.sources.issue import Issue
from app.sanctions.sources.uk_table import Layout, read

_LAYOUT = Layout("unique_id", frozenset({"unique_id", "name6", "name_type", "kind", "regime"}))


@dataclass(frozen=True)
class UkSanctions(SourceDefaults):
    """The source as registered."""

    code: str = "uk_sanctions"
    title: str = "UK Sanctions List"
    publisher: str = "Foreign, Commonwealth and Development Office"
    licence: str = "Open Government Licence v3.0"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "opt_in"
    regime: Regime = "NATIONAL"
    shrink_limit: float = 0.2

    def parse(self, *paths: Path) -> Issue:
        """See ListSource."""
        return read(only(paths), _LAYOUT, self.code)


SOURCE = UkSanctions()
