"""The parties of the real lists, and which of them are the same party.

The lists are read with the importers' own parsers. Parties are linked where an authority quotes
another's reference, where a full name and a birth date agree, and where a name of several words is
the same. The last may link strangers: it only keeps them from being taken for a negative.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.sanctions import sources
from app.sanctions.sources import ListedParty
from bench.screening.text import folded, tokens

_OFAC_2021 = [f"ofac_2021-10_{part}.csv" for part in ("sdn", "add", "alt", "sdn_comments")]
FILES: dict[str, tuple[str, list[str]]] = {
    "unsc": ("unsc", ["un_sc_consolidated_2026-02-27.xml"]),
    "unsc_2018": ("unsc", ["un_sc_consolidated_2018-10-29.xml"]),
    "eu_fsf": ("eu_fsf", ["eu_fsf_2026-05-01_even_logical_ids.xml"]),
    "uk_ofsi": ("uk_ofsi", ["uk_ofsi_conlist_2017-09_even_groups.csv"]),
    "ofac_sdn": ("ofac_sdn", _OFAC_2021),
    "ofac_irgc": ("ofac_sdn", ["ofac_enhanced_xml_irgc_2024.xml"]),
    "ofac_cons": ("ofac_cons", ["ofac_consolidated_nonsdn_2025-03-28.xml"]),
    "ca_sema": ("ca_sema", ["ca_sema_2025.xml"]),
    "world_bank": ("world_bank", ["worldbank_debarred_2019-05-20.json"]),
    "us_csl": ("us_csl", ["us_csl_sample.csv"]),
    "ftm_ua": ("ftm_simple", ["opensanctions_ua_war_targets.simple_2026-03.csv"]),
}
"""The newest issue of each list, with an older one of the Security Council's."""
_KINDS = {"person": "person", "organisation": "organization"}
_QUOTES = "\"'“”‘’„«»"
_LONGEST = 140  # a longer "name" is a sentence, or several names the parser could not part


@dataclass(frozen=True)
class Name:
    """A name as listed."""

    text: str
    type: str


@dataclass
class Party:
    """A listed person or organisation; `cluster` names the party across the lists."""

    id: str
    source: str
    kind: str
    names: list[Name]
    births: frozenset[str]
    countries: tuple[str, ...]
    programme: str
    reference: str
    references: tuple[str, ...]
    cluster: str = ""
    half: str = ""
    years: frozenset[str] = field(default_factory=frozenset)

    def strong(self) -> list[str]:
        """Names that stand for the party by themselves."""
        return [name.text for name in self.names if name.type != "weak_alias"]

    def token_names(self) -> set[str]:
        """Every name, folded and sorted."""
        return {tokens(name.text) for name in self.names}


def load(folder: Path) -> list[Party]:
    """The parties of every list whose files are in the folder, linked and halved."""
    parties = [
        party
        for code, (source, files) in FILES.items()
        if all((folder / name).exists() for name in files)
        for party in _of_list(code, source, [folder / name for name in files])
    ]
    link(parties)
    return parties


def _of_list(code: str, source: str, paths: list[Path]) -> Iterator[Party]:
    for listed in sources.ALL[source].parse(*paths):
        kind = _KINDS.get(listed.kind)
        names = list(_names(listed))
        if kind and names:
            births = frozenset(one.on for one in listed.birth_dates if one.on)
            years = {
                str(one.year_from)
                for one in listed.birth_dates
                if one.year_from and one.year_from == one.year_to
            }
            countries = (one.country for one in listed.nationalities if one.country)
            yield Party(
                id=f"{code}:{listed.key}",
                source=code,
                kind=kind,
                names=names,
                births=births,
                years=frozenset(years),
                countries=tuple(countries) or listed.countries,
                programme=listed.programme,
                reference=listed.reference,
                references=listed.same_as,
            )


def _names(listed: ListedParty) -> Iterator[Name]:
    derived = [one.name for one in listed.names if one.derived]
    seen: set[str] = set()
    for one in listed.names:
        text = _unquoted(" ".join(one.name.split()))
        joined = not one.derived and any(part in text and part != text for part in derived)
        if not joined and text not in seen and len(folded(text)) > 2 and len(text) <= _LONGEST:
            seen.add(text)
            yield Name(text, one.type)


def _unquoted(text: str) -> str:
    """Without the quotation marks around all of it."""
    inner = text[1:-1]
    around = text[:1] in _QUOTES and text[-1:] in _QUOTES
    return inner if around and not any(mark in inner for mark in _QUOTES) else text


class _Links:
    """Union by reference to a first member."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def root(self, one: str) -> str:
        while (above := self.parent.get(one, one)) != one:
            self.parent[one] = self.parent.get(above, above)
            one = above
        return one

    def join(self, group: Iterable[str]) -> None:
        first, *others = sorted({self.root(one) for one in group})
        for other in others:
            self.parent[other] = first


def link(parties: list[Party]) -> None:
    """Tell each party which others it is, and its half."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for party in parties:
        for key in _identities(party):
            groups[key].append(party.id)
    links = _Links()
    for group in groups.values():
        links.join(group)
    for party in parties:
        party.cluster = links.root(party.id)
        party.half = half_of(party.cluster)


def _identities(party: Party) -> Iterator[tuple[str, ...]]:
    """What two entries share if they are the same party."""
    family = party.source.split("_")[0]
    if family == "unsc":
        yield ("reference", f"unsc:{party.reference}")
    if family == "ofac":
        yield ("ofac", party.id.split(":", 1)[1])
    for reference in party.references:
        yield ("reference", reference)
    for name in party.strong():
        words = tokens(name).split()
        if party.kind == "organization" and len(words) > 1 and len("".join(words)) > 7:
            yield ("organization", " ".join(words))
        if party.kind == "person" and len(words) > 1:
            for birth in party.births | party.years:
                yield ("person", " ".join(words), birth)
            if len(words) > 2 and len("".join(words)) > 13:
                yield ("person", " ".join(words))


def half_of(key: str) -> str:
    """``fit`` or ``held``: the same for a party wherever it is met."""
    return ("fit", "held")[hashlib.sha256(key.encode()).digest()[0] & 1]
