"""The agency's own vendors against the local list, without a network.

What a name matches is a question to a person. `linked` rests on a number that both sides carry,
`probable` on one party that the names are like, `ambiguous` on several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from partner_registry_client.screening import LocalList, party_of
from partner_registry_client.vendor_files import Vendor
from partner_registry_matcher import (
    DEFAULT_THRESHOLD,
    EMPTY,
    Hit,
    Matcher,
    Party,
    Subject,
    fold,
)

SAME = 0.97
"""From this score on two lines of one country are taken for one vendor."""
_MOST_NAMED = 50
"""Of many lines with one number each is told so many: all of them would be the square."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Finding:
    """What there is to say of one vendor; `parties` are the entries, the likeliest first."""

    line: int
    number: str
    name: str
    result: str
    affected: bool
    duplicates: list[int] = field(default_factory=list)
    parties: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def match_vendors(
    vendors: list[Vendor],
    listed: LocalList,
    *,
    now: float,
    threshold: float = DEFAULT_THRESHOLD,
    progress: Progress | None = None,
) -> list[Finding]:
    """A finding for each vendor, in the order of the file."""
    today = day_of(now)
    same = _duplicates(vendors)
    numbers = numbers_of(listed)
    found = []
    for done, vendor in enumerate(vendors, 1):
        linked = {entry for text in vendor.registry for entry in numbers.get(bare(text), ())}
        hits = screened(vendor, listed.matcher, threshold)
        linked |= {hit.owner for hit in hits if _by_number(hit)}
        parties = parties_of(linked, hits, listed.entries, today)
        groups = {one["party"] for one in parties}
        result = "ambiguous" if len(groups) > 1 else "probable" if groups else "none"
        found.append(
            Finding(
                line=vendor.line,
                number=vendor.number,
                name=vendor.names[0] if vendor.names else "",
                result="linked" if linked else result,
                affected=any(one["in_effect"] for one in parties),
                duplicates=same.get(vendor.line, []),
                parties=parties,
                notes=vendor.notes if _usable(vendor) else [*vendor.notes, "no usable name"],
            )
        )
        if progress is not None and (done % 500 == 0 or done == len(vendors)):
            progress(done, len(vendors))
    return found


def _by_number(hit: Hit) -> bool:
    return any(one["factor"] == "identifier_equal" for one in hit.explanation["factors"])


def _usable(vendor: Vendor) -> bool:
    return any(fold(name) for name in vendor.names)


def screened(vendor: Vendor, matcher: Matcher, threshold: float) -> list[Hit]:
    names = [name for name in vendor.names if fold(name)]
    if not names and not vendor.identifiers:
        return []
    subject = Subject(
        kind=vendor.kind,
        names=names,
        countries=vendor.countries,
        birth_date=vendor.birth_date,
        identifiers=vendor.identifiers,
    )
    return matcher.screen(subject, threshold)


def numbers_of(listed: LocalList) -> dict[str, list[str]]:
    """Entries by the registry's number and id of the partner they are of."""
    found: dict[str, list[str]] = {}
    for entry_id, entry in listed.entries.items():
        for name in ("registry_number", "partner_id"):
            if isinstance(entry.get(name), str):
                found.setdefault(bare(entry[name]), []).append(entry_id)
    return found


def bare(text: str) -> str:
    return fold(text).replace(" ", "")


def parties_of(
    linked: set[str], hits: list[Hit], entries: Mapping[str, dict[str, Any]], today: str
) -> list[dict[str, Any]]:
    scores = {hit.owner: hit.score for hit in hits}
    order = sorted(linked | scores.keys(), key=lambda one: (one not in linked, -scores.get(one, 1)))
    return [_about(entry_id, entries[entry_id], scores.get(entry_id), today) for entry_id in order]


def _about(entry_id: str, entry: dict[str, Any], score: float | None, today: str) -> dict[str, Any]:
    shown = ("source", "reference", "measure", "blocking", "imposing_agency", "registry_number")
    return {
        "entry_id": entry_id,
        "party": entry.get("partner_id") or entry_id,
        "caption": next(iter(party_of(entry).names), ""),
        "score": score,
        "in_effect": _in_effect(entry, today),
        **{name: entry.get(name) for name in shown},
    }


def _in_effect(entry: Mapping[str, Any], today: str) -> bool:
    """Whether an entry counts on a day; one that says nothing of it does."""
    begins, ends = entry.get("effective_from"), entry.get("effective_to")
    return (not isinstance(begins, str) or begins <= today) and (
        not isinstance(ends, str) or today <= ends
    )


def day_of(now: float) -> str:
    return datetime.fromtimestamp(now, timezone.utc).date().isoformat()


# ---------------------------------------------------------------- one vendor twice


def _duplicates(vendors: list[Vendor]) -> dict[int, list[int]]:
    """Lines that seem to be the same vendor, by line."""
    by_line = {vendor.line: vendor for vendor in vendors}
    matcher = Matcher(map(_own_party, vendors), EMPTY)
    same: dict[int, set[int]] = {}
    for vendor in vendors:
        for hit in screened(vendor, matcher, SAME):
            other = by_line[int(hit.owner)]
            if other is not vendor and _one_country(vendor, other):
                same.setdefault(vendor.line, set()).add(other.line)
                same.setdefault(other.line, set()).add(vendor.line)
    for lines in _shared(vendors):
        named = set(sorted(lines)[:_MOST_NAMED])
        for line in lines:
            same.setdefault(line, set()).update(named - {line})
    return {line: sorted(others) for line, others in same.items()}


def _shared(vendors: list[Vendor]) -> Iterator[set[int]]:
    """Lines with the same vendor number or the same number of the registry."""
    found: dict[tuple[str, str], set[int]] = {}
    for vendor in vendors:
        numbers = [("number", vendor.number)] if vendor.number else []
        for kind, text in [*numbers, *(("registry", one) for one in vendor.registry)]:
            found.setdefault((kind, bare(text)), set()).add(vendor.line)
    return (lines for lines in found.values() if len(lines) > 1)


def _own_party(vendor: Vendor) -> Party:
    return Party(
        owner=str(vendor.line),
        kinds=(vendor.kind,) if vendor.kind else ("organisation", "person"),
        names=[name for name in vendor.names if fold(name)],
        countries=vendor.countries,
        birth_dates=[vendor.birth_date] if vendor.birth_date else [],
        identifiers=vendor.identifiers,
    )


def _one_country(left: Vendor, right: Vendor) -> bool:
    return not left.countries or not right.countries or bool({*left.countries} & {*right.countries})
