"""The tree is RFC 6962's: published vectors, the recursive definition, and proofs that cannot be bent."""

import hashlib
import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arrears.audit.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The reference data of Certificate Transparency (google/certificate-transparency, merkle_tree_test.cc).
CT_LEAVES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_PATH_0_OF_8 = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
CT_GROWTH_6_TO_8 = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]

MOST, ALL_SIZES = 256, 1_024
ORACLE = json.loads((Path(__file__).parents[1] / "fixtures" / "merkle_oracle.json").read_text(encoding="utf-8"))
LEAVES = [leaf_hash(str(number).encode()) for number in range(ALL_SIZES + 1)]


@cache
def by_definition(start: int, stop: int) -> bytes:
    """MTH of RFC 6962, 2.1, written as the standard writes it."""
    if stop == start:
        return hashlib.sha256(b"").digest()
    if stop - start == 1:
        return LEAVES[start]
    split = 1
    while split * 2 < stop - start:
        split *= 2
    left, right = by_definition(start, start + split), by_definition(start + split, stop)
    return hashlib.sha256(b"\x01" + left + right).digest()


def test_the_roots_of_the_certificate_transparency_vectors_come_out() -> None:
    leaves = [leaf_hash(data) for data in CT_LEAVES]
    assert [root_of(leaves[: size + 1]).hex() for size in range(8)] == CT_ROOTS


def test_the_proofs_of_the_certificate_transparency_vectors_come_out() -> None:
    leaves = [leaf_hash(data) for data in CT_LEAVES]
    path = inclusion_proof(0, 8, lambda start, stop: root_of(leaves[start:stop]))
    growth = consistency_proof(6, 8, lambda start, stop: root_of(leaves[start:stop]))
    assert [node.hex() for node in path] == CT_PATH_0_OF_8
    assert [node.hex() for node in growth] == CT_GROWTH_6_TO_8


def test_an_empty_log_has_the_hash_of_nothing_as_its_root() -> None:
    assert Frontier().root() == hashlib.sha256(b"").digest()


def test_the_frontier_gives_the_recursive_root_at_every_size() -> None:
    frontier = Frontier()
    for size in range(1, ALL_SIZES + 1):
        frontier.append(LEAVES[size - 1])
        assert frontier.root() == by_definition(0, size)
        assert Frontier.from_bytes(size, frontier.to_bytes()).root() == frontier.root()


def test_a_frontier_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="complete subtrees"):
        Frontier.from_bytes(3, b"\x00" * 32)


def test_tiles_are_the_roots_of_complete_subtrees_of_256() -> None:
    frontier = Frontier()
    for leaf in LEAVES[:MOST] * 3:
        frontier.append(leaf)
    assert frontier.tiles == [(8, place, by_definition(0, MOST)) for place in range(3)]


@pytest.mark.parametrize("steps", [(1, 1023), (255, 1, 256, 512), (300, 5, 719), (256, 768), (0, 1024), (700, 324)])
def test_many_leaves_at_once_grow_the_same_tree_as_one_by_one(steps: tuple[int, ...]) -> None:
    at_once, one_by_one, size = Frontier(), Frontier(), 0
    for step in steps:
        leaves = LEAVES[size : size + step]
        at_once.extend(leaves)
        for leaf in leaves:
            one_by_one.append(leaf)
        size += step
        assert at_once == one_by_one


@pytest.mark.parametrize("size", [*range(1, 34), 63, 64, 65, 100, 127, 128, 129, 255, 256])
def test_every_leaf_of_a_tree_is_proved_and_only_in_its_place(size: int) -> None:
    root = by_definition(0, size)
    for index in range(size):
        proof = inclusion_proof(index, size, by_definition)
        assert verify_inclusion(LEAVES[index], index, size, root, proof)
        assert not verify_inclusion(LEAVES[index + 1], index, size, root, proof)
        assert not any(verify_inclusion(LEAVES[index], other, size, root, proof) for other in (index - 1, index + 1))


@pytest.mark.parametrize("new", [*range(1, 34), 64, 65, 129, 255, 256])
def test_every_earlier_tree_is_proved_to_be_the_beginning(new: int) -> None:
    for old in range(1, new + 1):
        proof = consistency_proof(old, new, by_definition)
        roots = by_definition(0, old), by_definition(0, new)
        assert verify_consistency(old, new, *roots, proof)
        assert not verify_consistency(old, new, LEAVES[MOST], roots[1], proof)
        assert not verify_consistency(old, new, roots[0], LEAVES[MOST], proof)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_bent_inclusion_proof_proves_nothing(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, MOST))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, by_definition)
    place = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(proof[place], "big") ^ 1 << bit).to_bytes(32, "big")
    root = by_definition(0, size)
    bent = [[*proof[:place], flipped, *proof[place + 1 :]], proof[:-1], [*proof, flipped], proof[::-1]]
    assert not any(verify_inclusion(LEAVES[index], index, size, root, b) for b in bent if b != proof)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_bent_consistency_proof_proves_nothing(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, MOST))
    old = data.draw(st.integers(1, new - 1))
    proof = consistency_proof(old, new, by_definition)
    place = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(proof[place], "big") ^ 1 << bit).to_bytes(32, "big")
    roots = by_definition(0, old), by_definition(0, new)
    bent = [[*proof[:place], flipped, *proof[place + 1 :]], proof[:-1], [*proof, flipped], []]
    assert not any(verify_consistency(old, new, *roots, b) for b in bent)


def test_there_is_no_proof_for_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="no leaf 4"):
        inclusion_proof(4, 4, by_definition)
    with pytest.raises(ValueError, match="no consistency proof"):
        consistency_proof(5, 4, by_definition)
    assert not verify_inclusion(LEAVES[0], 1, 1, LEAVES[0], [])
    assert not verify_consistency(2, 1, LEAVES[0], LEAVES[0], [])


def digest_of_paths(most: int) -> str:
    """One hash over the audit path of every leaf of every tree up to ``most`` leaves."""
    paths = hashlib.sha256()
    for size in range(1, most + 1):
        for index in range(size):
            paths.update(b"".join(inclusion_proof(index, size, by_definition)))
    return paths.hexdigest()


def test_another_authors_library_computes_the_same_roots_at_every_size() -> None:
    frontier, roots = Frontier(), hashlib.sha256()
    for leaf in LEAVES[:ALL_SIZES]:
        frontier.append(leaf)
        roots.update(frontier.root())
    assert (frontier.root().hex(), roots.hexdigest()) == (ORACLE["root_of_1024"], ORACLE["all_roots_sha256"])


def test_another_authors_library_computes_the_same_audit_paths() -> None:
    assert digest_of_paths(128) == ORACLE["all_paths_to_128_sha256"]


@pytest.mark.long
def test_another_authors_library_computes_the_same_audit_paths_to_1024_leaves() -> None:
    assert digest_of_paths(ALL_SIZES) == ORACLE["all_paths_to_1024_sha256"]


@pytest.mark.long
def test_every_leaf_of_every_tree_to_1024_leaves_is_proved_and_no_other_in_its_place() -> None:
    for size in range(1, ALL_SIZES + 1):
        root = by_definition(0, size)
        for index in range(size):
            proof = inclusion_proof(index, size, by_definition)
            assert verify_inclusion(LEAVES[index], index, size, root, proof)
            assert not verify_inclusion(LEAVES[index + 1], index, size, root, proof)


@pytest.mark.long
def test_every_tree_to_1024_leaves_is_proved_to_begin_with_every_smaller_one() -> None:
    for new in range(1, ALL_SIZES + 1):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, by_definition)
            roots = by_definition(0, old), by_definition(0, new)
            assert verify_consistency(old, new, *roots, proof)
            assert not verify_consistency(old, new, LEAVES[ALL_SIZES], roots[1], proof)
