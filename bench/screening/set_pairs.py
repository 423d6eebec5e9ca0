"""Labelled pairs of names: two names of one party, or a name and the nearest of another party."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from rapidfuzz import fuzz, process

from bench.screening.parties import Party
from bench.screening.text import script, tokens

Row = dict[str, Any]
_A_PARTY = {"person": 1, "organization": 5}  # positives of one party, in one script and across
_RICH = {"eu_fsf": 1}  # more of a list that writes its persons in many languages
_AN_ALIKE = 0.15  # share of pairs kept that differ in case, order, marks or punctuation alone
_LISTS = {
    "eu_fsf": 1.0,
    "unsc": 1.0,
    "uk_ofsi": 1.0,
    "ofac_cons": 1.0,
    "ofac_irgc": 1.0,
    "ca_sema": 1.0,
    "ftm_ua": 1.0,
    "world_bank": 1.0,
    "ofac_sdn": 0.4,  # all Latin: a part of it is enough beside the others
}


def build(parties: Sequence[Party], seed: int = 7) -> Iterator[Row]:
    """Positives of every list, and as many negatives of the same list, kind and half.

    Negatives stay within a list: one authority hardly ever lists a party twice, while two
    authorities list the same party under spellings that no link of ours may know of.
    """
    groups: defaultdict[tuple[str, str, str], list[Party]] = defaultdict(list)
    for party in parties:
        if party.source in _LISTS:
            groups[party.source, party.kind, party.half].append(party)
    for key, group in sorted(groups.items()):
        rng = random.Random(f"{seed}:{key}")
        positives = [row for party in group for row in _positives(party, rng, _LISTS[key[0]])]
        yield from positives
        yield from _once(_negatives(group, positives, rng))


def _once(rows: Iterator[Row]) -> Iterator[Row]:
    seen: set[tuple[str, ...]] = set()
    for made in rows:
        pair = tuple(sorted((made["a"], made["b"])))
        if pair not in seen:
            seen.add(pair)
            yield made


def row(a: str, b: str, one: Party, other: Party, same: bool, category: str) -> Row:
    """A labelled pair as the files hold it."""
    crossing = "same" if script(a) == script(b) else "cross"
    return {
        "a": a,
        "b": b,
        "kind": one.kind,
        "same": same,
        "category": f"{category}:{crossing}",
        "script": f"{script(a)}/{script(b)}",
        "party_a": one.id,
        "party_b": other.id,
        "list": one.source,
        "half": one.half,
    }


def _positives(party: Party, rng: random.Random, share: float) -> list[Row]:
    if rng.random() > share:
        return []
    names = party.strong()
    rng.shuffle(names)
    found: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for i, a in enumerate(names[:24]):
        for b in names[i + 1 : 24]:
            if a.casefold() == b.casefold():
                continue
            if tokens(a) == tokens(b) and script(a) == script(b) and rng.random() > _AN_ALIKE:
                continue
            found[script(a) != script(b)].append((a, b))
    taken: list[tuple[str, str]] = []
    for pairs in found.values():
        rng.shuffle(pairs)
        taken += _spread(pairs, _A_PARTY[party.kind] + _RICH.get(party.source, 0))
    return [row(a, b, party, party, True, f"{party.kind}:alias") for a, b in taken]


def _spread(pairs: list[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """Of the pairs some that use different names, as far as there are any."""
    used: set[str] = set()
    fresh: list[tuple[str, str]] = []
    rest: list[tuple[str, str]] = []
    for pair in pairs:
        (rest if used & set(pair) else fresh).append(pair)
        used.update(pair)
    return (fresh + rest)[:count]


def _negatives(group: list[Party], positives: list[Row], rng: random.Random) -> Iterator[Row]:
    """For a name of each positive the nearest name of a stranger, in the same script or not."""
    by_id = {party.id: party for party in group}
    pools: defaultdict[str, list[tuple[str, Party]]] = defaultdict(list)
    for party in group:
        for name in party.strong():
            pools[script(name)].append((name, party))
    nearest = _Nearest(pools)
    for number, positive in enumerate(positives):
        crossing = positive["category"].endswith("cross")
        name, party = positive["a"], by_id[positive["party_a"]]
        rank = 0 if number % 4 else 1
        other = nearest.of(name, party, crossing, rank) or nearest.of(name, party, not crossing, 0)
        if other is not None:
            category = "nearest" if rank == 0 else "near"
            yield row(name, other[0], party, other[1], False, f"{party.kind}:{category}")


class _Nearest:
    """The nearest name of another party, over romanised names with their words sorted."""

    def __init__(self, pools: dict[str, list[tuple[str, Party]]]) -> None:
        self.names: dict[tuple[str, bool], list[tuple[str, Party]]] = {}
        for own in pools:
            self.names[own, False] = pools[own]
            self.names[own, True] = [one for s, pool in pools.items() if s != own for one in pool]
        self.keys = {key: [tokens(n) for n, _ in names] for key, names in self.names.items()}

    def of(self, name: str, party: Party, crossing: bool, rank: int) -> tuple[str, Party] | None:
        key = (script(name), crossing)
        seen: set[str] = set()
        for _, _, index in process.extract(
            tokens(name), self.keys[key], scorer=fuzz.ratio, limit=40
        ):
            other, stranger = self.names[key][index]
            if stranger.cluster in seen or not strangers(party, stranger):
                continue
            if len(seen) == rank:
                return other, stranger
            seen.add(stranger.cluster)
        return None


def strangers(one: Party, other: Party) -> bool:
    """Surely two parties: no link, no name in common, and no birth date in common."""
    return (
        one.cluster != other.cluster
        and not one.births & other.births
        and not one.token_names() & other.token_names()
    )
