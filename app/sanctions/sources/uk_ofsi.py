"""The consolidated list of financial sanctions targets of the United Kingdom (ConList), as CSV.

Two layouts are read: as published, with "Last Updated" in the first line, and as others export
it, with the names of columns first and without some of them.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.sanctions.sources.base import Audience, Regime, SourceDefaults, only
from app.sanctions.sources.issue import Issue
from app.sanctions.sources.uk_table import Layout, read

_LAYOUT = Layout("group", frozenset({"group", "name6", "name1", "kind", "name_type", "regime"}))


@dataclass(frozen=True)
class UkOfsi(SourceDefaults):
    """The source as registered."""

    code: str = "uk_ofsi"
    title: str = "UK consolidated list of financial sanctions targets"
    publisher: str = "HM Treasury, Office of Financial Sanctions Implementation"
    licence: str = "Open Government Licence v3.0"
    required: bool = False
    max_staleness: timedelta = timedelta(days=30)
    audience: Audience = "opt_in"
    regime: Regime = "NATIONAL"
    shrink_limit: float = 0.2

    def parse(self, *paths: Path) -> Issue:
        """See ListSource."""
        return read(only(paths), _LAYOUT, self.code)


SOURCE = UkOfsi()
