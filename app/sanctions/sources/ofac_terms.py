"""How OFAC writes names, dates, papers and numbers, whatever the format of its file."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from app.core import datafiles
from app.sanctions.sources.base import (
    Kind,
    ListedCountry,
    ListedDate,
    ListedDocument,
    ListedIdentifier,
    ListedMeasure,
    ListedName,
    NameType,
)
from app.sanctions.sources.draft import Draft, country_of, day_of, one_line

PUBLISHER = "US Department of the Treasury, Office of Foreign Assets Control"
KINDS: dict[str, Kind] = {
    "individual": "person",
    "entity": "organisation",
    "vessel": "vessel",
    "aircraft": "aircraft",
}
_ALIASES: dict[str, NameType] = {"aka": "alias", "fka": "former", "nka": "alias"}
# Bounded on purpose: texts of a list must not be able to keep a pattern busy.
_LONGEST = 600
_PAPER = re.compile(
    r"(?P<number>.+?)(?: \((?P<country>[^()\d]{2,60})\))?"
    r"(?: issued (?P<issued>(?:\d{1,2} )?(?:[A-Z][a-z]{2} )?\d{4}))?"
    r"(?: expires (?P<expires>(?:\d{1,2} )?(?:[A-Z][a-z]{2} )?\d{4}))?$"
)
_DECADE = re.compile(r"(?<!\d)(1[89]\d0|20\d0)s")
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


class Paper(NamedTuple):
    """A paper or number as one text says it."""

    type: str
    number: str
    country: ListedCountry | None
    issued: str
    expires: str


def kind_of(text: str | None) -> Kind:
    """The kind of a published type; a type we do not know may be anything."""
    return KINDS.get(one_line(text).lower(), "unknown")


def name_type(published: str, weak: bool) -> NameType:
    """The type of an alias: "a.k.a.", "F.K.A.", "nka" and the like."""
    type_ = _ALIASES.get(published.lower().replace(".", "").strip(), "alias")
    return "weak_alias" if weak and type_ == "alias" else type_


def person_name(last: str | None, first: str | None) -> str:
    """A name in the order in which people say it."""
    return one_line(f"{first or ''} {last or ''}")


def said(listed: str | None, kind: Kind) -> str:
    """A name that is written "LAST, First" where it is a person's, as people say it."""
    name = one_line(listed)
    last, comma, first = name.partition(", ")
    return f"{first} {last}" if comma and kind == "person" else name


def alias(name: str, type_: str, weak: bool, quality: str) -> ListedName:
    """One more name. What a party is now known as is an alias that says so."""
    now = type_.lower().replace(".", "") == "nka"
    return ListedName(name, name_type(type_, weak), quality, "n.k.a." if now else "")


def birth_date(text: str | None, note: str = "") -> ListedDate | None:
    """A date of birth: "14 Jun 1975", "1975-06-14", "Jun 1975", "circa 1975", "1951 to 1953".

    What a day or years alone do not say is kept in the note as it is written; what no year can be
    read from is kept as text. None for no text.
    """
    whole = one_line(text)
    if not whole:
        return None
    years = [int(year) for year in _YEAR.findall(whole)]
    years += [int(year) + 9 for year in _DECADE.findall(whole)]
    day = day_of(whole, "%d %b %Y") or day_of(whole)
    circa = whole.lower().startswith(("circa ", "approximately "))
    plain = day or whole in {str(year) for year in years}
    return ListedDate(
        type="APPROXIMATELY" if circa else "",
        on=day.isoformat() if day else None,
        year_from=min(years, default=None),
        year_to=max(years, default=None),
        note=note if plain or not years else "; ".join(filter(None, (whole, note))),
        text="" if years else whole,
    )


@lru_cache(maxsize=1)
def _types() -> dict[str, bool]:
    """Every type that is a paper (True) or a number (False)."""
    data: Any = datafiles.read("app.sanctions.sources", "ofac.yaml")
    papers = {_key(name): True for name in data["papers"]}
    return papers | {_key(name): False for name in data["numbers"]}


@lru_cache(maxsize=1)
def _starts() -> re.Pattern[str]:
    longest_first = sorted(_types(), key=len, reverse=True)
    names = "|".join(re.escape(name) for name in longest_first)
    names = rf"digital currency address - \w{{2,8}}|{names}"
    return re.compile(rf"(?:alt\. )?({names})(?: #)?(?::| -)? (.+)", re.IGNORECASE | re.DOTALL)


def _key(type_: str) -> str:
    key = one_line(type_).replace("’", "'").rstrip(":").removesuffix(" #").lower()
    return key.partition(" - ")[0]  # "Digital Currency Address - XBT"


def paper_of(text: str) -> Paper | None:
    """What a remark says of a paper or number, type first; None for any other remark."""
    if len(text) > _LONGEST:
        return None
    start = _starts().fullmatch(text.replace("’", "'"))
    if start is None:
        return None
    type_ = text[: start.start(2)].removeprefix("alt. ").rstrip(" :-")
    found = _PAPER.fullmatch(text[start.start(2) :])
    if found is None:
        return None
    return Paper(
        type_,
        found["number"],
        country_of(found["country"]),
        found["issued"] or "",
        found["expires"] or "",
    )


def add_paper(draft: Draft, paper: Paper, note: str = "") -> bool:
    """Put a paper where its type belongs; whether there is such a place."""
    is_paper = _types().get(_key(paper.type))
    if is_paper is None:
        return False
    expires = f"expires {paper.expires}" if paper.expires else ""
    if is_paper and draft.kind in ("person", "unknown"):
        draft.documents.append(
            ListedDocument(
                type=paper.type,
                number=paper.number,
                issuing_country=paper.country,
                issued_on=paper.issued,
                note="; ".join(filter(None, (expires, note))),
            )
        )
    else:
        issued = f"issued {paper.issued}" if paper.issued else ""
        about = "; ".join(filter(None, (issued, expires, note)))
        draft.identifiers.append(ListedIdentifier(paper.type, paper.number, paper.country, about))
    return True


def add_feature(draft: Draft, paper: Paper, note: str = "") -> None:
    """Put one of the many things OFAC files under "ID" or "feature" where it belongs.

    What is no paper, number, gender or country is a statement about the party: a remark.
    """
    key = _key(paper.type)
    if key == "gender":
        draft.gender = paper.number
    elif key in ("nationality of registration", "registration country", "vessel flag"):
        if country := country_of(paper.number):
            draft.nationalities.append(country)
    elif key == "title":
        draft.titles.append(paper.number)
    elif not add_paper(draft, paper, note):
        issuer = f"({paper.country.name})" if paper.country else ""
        draft.remarks.append(one_line(f"{paper.type} {paper.number} {issuer} {note}"))


def programmes_of(draft: Draft, names: list[str]) -> None:
    """The programmes under which the party is listed."""
    draft.programme = "; ".join(dict.fromkeys(filter(None, map(one_line, names))))


def listing(draft: Draft) -> ListedMeasure:
    """The measure of formats that say no more of it than the programmes."""
    return ListedMeasure(imposed_by=PUBLISHER, listed_by=PUBLISHER, programme=draft.programme)
