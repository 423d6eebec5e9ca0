"""Which sources there are, and for whom each counts. Pure.

``shared``: for every agency. ``joint``: as shared, once a person of one agency proposed it and a
person of another approved. ``opt_in``: for the agencies that switched it on, and nobody else
learns of that.
"""

from __future__ import annotations

from app.sanctions import sources
from app.sanctions.sources import ListSource

PREFIX = "source."


class UnknownSource(Exception):
    """There is no such source; the message names those there are."""


def find_source(code: str) -> ListSource:
    """The source with this code, mapped lists (`csv:<name>`) included. Raises UnknownSource."""
    try:
        return sources.find(code)
    except KeyError:
        known = ", ".join([*sorted(sources.ALL), "csv:<name>"])
        raise UnknownSource(f"There is no list source {code}; known: {known}.") from None


def known(code: str) -> ListSource | None:
    """The source with this code, or None."""
    try:
        return find_source(code)
    except UnknownSource:
        return None


def audience_of(source: ListSource) -> str:
    """``shared``, ``joint`` or ``opt_in``."""
    if source.audience == "opt_in":
        return "opt_in"
    return "joint" if source.joint else "shared"


def level_of(source: ListSource) -> str:
    """``PUBLIC``, or ``INTER_AGENCY`` for what agencies alone may know."""
    return source.level


def own_stream(code: str) -> str:
    """The stream of one source."""
    return PREFIX + code


def streams_of(source: ListSource, *, enabled: bool = False) -> list[str]:
    """Streams of the feed that its parties belong in; ``enabled``: a joint list, jointly."""
    own, audience = own_stream(source.code), audience_of(source)
    if audience == "opt_in" or (audience == "joint" and not enabled):
        return [own]
    return (
        ["inter_agency", own] if level_of(source) != "PUBLIC" else ["public", "inter_agency", own]
    )
