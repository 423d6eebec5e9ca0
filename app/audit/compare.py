"""Comparing a stored tree with its leaves and with what was signed; says what was touched.

The right edge is kept twice, once computed of the leaves and once as the subtrees are stored. At
each checkpoint the signed root says which of the two is the true one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.audit.checks import Fault
from app.audit.merkle import EMPTY_ROOT, Node, fold, node_hash


@dataclass(frozen=True, slots=True)
class Leaf:
    """A stored leaf; ``event_hash`` is what its event gives, where that is something else."""

    seq: int
    hash: bytes | None
    event_id: UUID | None = None
    event_hash: bytes | None = None


@dataclass(slots=True)
class _Edge:
    computed: bytes | None
    stored: bytes | None


class TreeCheck:
    """Takes leaves, stored subtrees and checkpoints in order; collects faults."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.checked = 0
        self._edges: list[_Edge] = []
        self._left: Leaf | None = None
        self._odd: list[Node] = []
        self._odd_pairs: list[tuple[Leaf, Leaf, bytes]] = []
        self._replaced: list[tuple[Leaf, Leaf, bytes]] = []
        self._lost = False

    def add(self, leaf: Leaf, stored: Mapping[Node, bytes]) -> None:
        """The next leaf; ``stored`` holds at least the subtrees that it completes."""
        edge, level, index = _Edge(leaf.hash, leaf.hash), 0, leaf.seq - 1
        while index & 1:
            left = self._edges.pop()
            index, level = index >> 1, level + 1
            kept = stored.get((level, index))
            if kept is None:
                self.faults.append(Fault(f"subtree {level}/{index} is missing"))
            computed = kept
            if left.computed is not None and edge.computed is not None:
                computed = node_hash(left.computed, edge.computed)
            if kept is not None and computed != kept:
                self._odd.append((level, index))
                if level == 1 and self._left is not None:
                    self._odd_pairs.append((self._left, leaf, kept))
            edge = _Edge(computed, computed if kept is None else kept)
        self._edges.append(edge)
        self._left = leaf

    @property
    def roots(self) -> tuple[bytes | None, bytes | None]:
        """Root of all leaves so far: computed, and by the stored subtrees."""
        return (
            _root([edge.computed for edge in self._edges]),
            _root([edge.stored for edge in self._edges]),
        )

    def checkpoint(self, size: int, root: bytes) -> None:
        """A signed root over all leaves so far decides about what did not fit since the last."""
        computed, stored = self.roots
        if root == computed:
            for level, index in self._odd:
                self.faults.append(Fault(f"subtree {level}/{index} was changed"))
            for edge in self._edges:
                edge.stored = edge.computed
        elif root == stored:
            self._replaced += self._odd_pairs
            for edge in self._edges:
                edge.computed = edge.stored
        elif not self._lost:
            self._lost = True
            self.faults.append(
                Fault(
                    f"records {self.checked + 1} to {size} do not give the signed root of "
                    f"checkpoint {size}: one or more were changed, and the tree with them"
                )
            )
        self._lost = self._lost and root not in (computed, stored)
        self._odd, self._odd_pairs = [], []
        self.checked = size

    def intact_leaves(self) -> frozenset[int]:
        """Numbers whose event is as it was signed, and only the leaf hash was changed."""
        found = set()
        for left, right, kept in self._replaced:
            for leaf, (a, b) in (
                (left, (left.event_hash, right.hash)),
                (right, (left.hash, right.event_hash)),
            ):
                if leaf.event_hash and a and b and node_hash(a, b) == kept:
                    found.add(leaf.seq)
        return frozenset(found)

    def name_replaced(self) -> None:
        """Say of every replaced pair which record it was, and where it went, if that shows.

        Pairs with a record whose event does not give its leaf are named elsewhere.
        """
        pairs = [pair for pair in self._replaced if not (pair[0].event_hash or pair[1].event_hash)]
        pool = [leaf for left, right, _ in pairs[:_POOL] for leaf in (left, right)]
        for left, right, kept in pairs:
            if right.hash and left.hash and node_hash(right.hash, left.hash) == kept:
                self._moved(left, right.seq)
                self._moved(right, left.seq)
                continue
            origin_left = next((x for x in pool if _gives(x, right, kept)), None)
            origin_right = next((x for x in pool if _gives(left, x, kept)), None)
            if origin_left is not None:
                self._moved(left, origin_left.seq)
            elif origin_right is not None:
                self._moved(right, origin_right.seq)
            else:
                for leaf in (left, right):
                    self.faults.append(
                        Fault(
                            f"record {left.seq} or {right.seq} was replaced with its leaf",
                            leaf.seq,
                            leaf.event_id,
                        )
                    )

    def _moved(self, leaf: Leaf, origin: int) -> None:
        what = f"out of order: the record now at seq {origin} belongs here"
        self.faults.append(Fault(what, leaf.seq, leaf.event_id))


_POOL = 200
"""Pairs among which a swapped record is looked for; each is tried against each."""


def _gives(left: Leaf, right: Leaf, kept: bytes) -> bool:
    return bool(left.hash and right.hash and node_hash(left.hash, right.hash) == kept)


def _root(hashes: list[bytes | None]) -> bytes | None:
    known = [value for value in hashes if value is not None]
    if len(known) != len(hashes):
        return None
    return fold(known) if known else EMPTY_ROOT
