"""The tree: published vectors of RFC 6962 logs, and agreement with the definition itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit import merkle
from app.audit.merkle import Frontier, leaf_hash, node_hash

# The test vectors of the Certificate Transparency reference implementation: eight leaves, and
# the roots of the trees of the first one, two, … of them.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 2.1, word for word."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(m: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_proof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_proof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def build(leaves: list[bytes]) -> tuple[Frontier, dict[merkle.Node, bytes]]:
    """The tree as the log stores it."""
    tree, nodes = Frontier(), dict[merkle.Node, bytes]()
    for index, leaf in enumerate(leaves):
        nodes[0, index] = leaf
        for node, value in tree.append(leaf):
            assert node not in nodes
            nodes[node] = value
    return tree, nodes


def test_roots_of_the_published_vectors() -> None:
    assert merkle.EMPTY_ROOT.hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    tree = Frontier()
    for data, root in zip(LEAVES, ROOTS, strict=True):
        list(tree.append(leaf_hash(data)))
        assert tree.root.hex() == root


def test_proofs_of_the_published_vectors() -> None:
    hashes = [leaf_hash(data) for data in LEAVES]
    _, nodes = build(hashes)
    path = merkle.hashes_of(merkle.inclusion(0, 8), nodes.__getitem__)
    assert [value.hex() for value in path] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    proof = merkle.hashes_of(merkle.consistency(6, 8), nodes.__getitem__)
    assert [value.hex() for value in proof] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(st.lists(st.binary(max_size=4), max_size=70), st.data())
def test_everything_agrees_with_the_definition(raw: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_hash(item) for item in raw]
    tree, nodes = build(leaves)
    size = len(leaves)
    assert tree.root == naive_root(leaves)
    assert len(nodes) == 2 * size - size.bit_count()
    cut = data.draw(st.integers(0, size))
    resumed = Frontier(cut, [nodes[node] for node in merkle.cover((0, cut))])
    for leaf in leaves[cut:]:
        list(resumed.append(leaf))
    assert resumed.root == tree.root
    proof = merkle.hashes_of(merkle.consistency(cut, size), nodes.__getitem__)
    old_root = naive_root(leaves[:cut])
    assert cut == 0 or proof == naive_proof(cut, leaves)
    assert merkle.verify_consistency(cut, size, old_root, tree.root, proof)
    if size:
        index = data.draw(st.integers(0, size - 1))
        path = merkle.hashes_of(merkle.inclusion(index, size), nodes.__getitem__)
        assert path == naive_path(index, leaves)
        assert merkle.verify_inclusion(leaves[index], index, size, path, tree.root)


@given(st.integers(1, 70), st.data())
def test_a_changed_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(size)]
    tree, nodes = build(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = merkle.hashes_of(merkle.inclusion(index, size), nodes.__getitem__)
    other = leaf_hash(b"another")
    assert not merkle.verify_inclusion(other, index, size, path, tree.root)
    assert not merkle.verify_inclusion(leaves[index], index, size, [*path, other], tree.root)
    assert not merkle.verify_inclusion(leaves[index], size, size, path, tree.root)
    for n in range(len(path)):
        cut, changed = path[:n] + path[n + 1 :], [*path[:n], other, *path[n + 1 :]]
        assert not merkle.verify_inclusion(leaves[index], index, size, cut, tree.root)
        assert not merkle.verify_inclusion(leaves[index], index, size, changed, tree.root)
    old = data.draw(st.integers(1, size))
    old_root = naive_root(leaves[:old])
    proof = merkle.hashes_of(merkle.consistency(old, size), nodes.__getitem__)
    assert not merkle.verify_consistency(old, size, other, tree.root, proof)
    assert not merkle.verify_consistency(old, size, old_root, other, proof)
    assert not merkle.verify_consistency(old, size, old_root, tree.root, [*proof, other])
    for n in range(len(proof)):
        changed = [*proof[:n], other, *proof[n + 1 :]]
        assert not merkle.verify_consistency(old, size, old_root, tree.root, changed)


@pytest.mark.parametrize(("old", "new"), [(3, 2), (-1, 2)])
def test_sizes_that_cannot_be_prove_nothing(old: int, new: int) -> None:
    assert not merkle.verify_consistency(old, new, b"", b"", [])


def test_a_proof_between_different_sizes_is_not_empty() -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(7)]
    root, old = naive_root(leaves), naive_root(leaves[:3])
    assert not merkle.verify_consistency(3, 7, old, root, [])
    assert not merkle.verify_consistency(0, 7, old, root, [])
    assert merkle.verify_consistency(0, 7, merkle.EMPTY_ROOT, root, [])
