"""The Merkle tree of the log: hashing and proofs of RFC 6962, section 2.

A node is ``(level, index)``: the root of the complete subtree over leaves
``index * 2**level .. (index + 1) * 2**level - 1``. A complete subtree never changes again, so
only those are stored. Every other hash is folded of a few of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

Node: TypeAlias = tuple[int, int]
Span: TypeAlias = tuple[int, int]
"""Leaves ``start`` (a multiple of the subtree's size) up to but not including ``end``."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_BYTES = 32


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def cover(span: Span) -> list[Node]:
    """The complete subtrees that a span is made of, largest first."""
    start, end = span
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root of neighbouring complete subtrees, largest first."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


class Frontier:
    """The right edge of a tree: enough to append leaves and to say the root."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Start at ``size`` leaves with the hashes of ``cover((0, size))``."""
        self.size = size
        self._hashes = list(hashes)

    def append(self, leaf: bytes) -> Iterator[tuple[Node, bytes]]:
        """Add a leaf hash; yields the subtrees above it that are complete now, lowest first."""
        index, level, current = self.size, 0, leaf
        self.size += 1
        while index & 1:
            current = node_hash(self._hashes.pop(), current)
            index >>= 1
            level += 1
            yield (level, index), current
        self._hashes.append(current)

    @property
    def root(self) -> bytes:
        """Root of the tree of all leaves so far."""
        return fold(self._hashes)


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def inclusion(index: int, size: int) -> list[Span]:
    """Spans whose roots prove that leaf ``index`` is in the tree of ``size``, lowest first."""
    start, end, path = 0, size, list[Span]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency(old: int, new: int) -> list[Span]:
    """Spans whose roots prove that the tree of ``new`` continues that of ``old``."""
    if old in (0, new):
        return []
    start, end, path, whole = 0, new, list[Span](), True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start, whole = middle, False
    if not whole:
        path.append((start, end))
    return path[::-1]


def hashes_of(spans: Sequence[Span], read: Callable[[Node], bytes]) -> list[bytes]:
    """Roots of spans, of stored subtrees."""
    return [fold([read(node) for node in cover(span)]) for span in spans]


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Whether ``path`` proves that ``leaf`` is number ``index`` of the tree (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, current = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if first & 1 or first == last:
            current = node_hash(sibling, current)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and current == root


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether ``path`` proves that the new tree continues the old one (RFC 9162 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    # A whole old tree is its own first hash, and the proof leaves it out.
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    if not hashes:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
