"""Retrieval across lists: one authority's names as queries against another authority's list."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from rapidfuzz import fuzz, process

from bench.screening.invented import WORDS
from bench.screening.parties import Name, Party
from bench.screening.text import folded, script, tokens

Row = dict[str, Any]
QUERYING = ("uk_ofsi", "eu_fsf", "ofac_sdn", "ofac_irgc", "ofac_cons", "ca_sema", "unsc")
_DOUBTFUL = 82  # a name this near to a listed one may be the same party in another spelling
_SURELY = 92  # and one this near may be even where the birth years differ
_FORMS = {folded(form) for forms in WORDS["forms"].values() for form in forms} | {"pao", "pjsc"}


def target(parties: Sequence[Party], code: str) -> Iterator[Row]:
    """The list searched in: one row a name."""
    for party in parties:
        if party.source == code:
            for name in party.names:
                yield {
                    "id": party.id,
                    "kind": party.kind,
                    "name": name.text,
                    "type": name.type,
                    "half": party.half,
                }


def queries(parties: Sequence[Party], code: str) -> Iterator[Row]:
    """Names of other lists: of parties the target has (``truth``), and of parties it has not."""
    listed: defaultdict[str, list[Party]] = defaultdict(list)
    for party in parties:
        if party.source == code:
            listed[party.cluster].append(party)
    known = {
        cluster: {name for party in group for name in party.token_names()}
        for cluster, group in listed.items()
    }
    doubt = Doubt([party for group in listed.values() for party in group])
    asked: set[tuple[str, str, str]] = set()
    for party in parties:
        if party.source not in QUERYING or party.source == code:
            continue
        group = [one for one in listed.get(party.cluster, ()) if one.kind == party.kind]
        if not group and (party.cluster in listed or doubt.about(party)):
            continue
        if len(group) > 2:
            continue  # linked through names that several parties bear
        for name in party.names:
            once = (party.kind, tokens(name.text), party.cluster)
            if once not in asked and (group or not doubt.names(party.kind, name.text)):
                asked.add(once)
                yield _query(party, name, group, known.get(party.cluster, set()))


def _query(party: Party, name: Name, group: list[Party], known: set[str]) -> Row:
    return {
        "name": name.text,
        "kind": party.kind,
        "truth": sorted(one.id for one in group),
        "category": _category(name, known) if group else "stranger",
        "half": party.half,
        "script": script(name.text),
        "list": party.source,
        "party": party.id,
    }


def _category(name: Name, known: set[str]) -> str:
    if tokens(name.text) in known:
        return "exact_tokens"
    if script(name.text) != "Latn":
        return "hard:nonlatin"
    return {"weak_alias": "hard:low", "primary": "hard:primary"}.get(name.type, "hard:alias")


class Doubt:
    """Whether a party without a link may be listed after all: then it is no sure negative."""

    def __init__(self, listed: list[Party]) -> None:
        self.cores: defaultdict[str, list[str]] = defaultdict(list)
        self.parties: defaultdict[str, list[Party]] = defaultdict(list)
        self.by_word: defaultdict[tuple[str, str], list[frozenset[str]]] = defaultdict(list)
        self.exact: set[tuple[str, str]] = set()
        for party in listed:
            self.exact |= {(party.kind, name) for name in party.token_names()}
            for core in {_core(name) for name in party.strong()}:
                self.cores[party.kind].append(core)
                self.parties[party.kind].append(party)
                for word in (words := frozenset(core.split())):
                    self.by_word[party.kind, word].append(words)

    def about(self, party: Party) -> bool:
        """Whether a name of the party is much like a listed one, or a part of one."""
        return any(
            self._part(party.kind, core) or self._alike(party, core)
            for core in {_core(name) for name in party.strong()[:12]}
        )

    def names(self, kind: str, name: str) -> bool:
        """Whether a listed party has this very name: then nobody can tell them apart."""
        return (kind, tokens(name)) in self.exact

    def _part(self, kind: str, core: str) -> bool:
        words = frozenset(core.split())
        return any(
            len(words & other) > 1 and (words <= other or other <= words)
            for word in words
            for other in self.by_word.get((kind, word), ())
        )

    def _alike(self, party: Party, core: str) -> bool:
        nearest = process.extract(
            core, self.cores[party.kind], scorer=fuzz.ratio, limit=5, score_cutoff=60
        )
        for _, score, index in nearest:
            other = self.parties[party.kind][index]
            apart = party.years and other.years and not party.years & other.years
            if party.births & other.births or score >= (_SURELY if apart else _DOUBTFUL):
                return True
        return False


def _core(name: str) -> str:
    """The sorted words without legal forms."""
    words = tokens(name).split()
    return " ".join([word for word in words if word not in _FORMS] or words)
