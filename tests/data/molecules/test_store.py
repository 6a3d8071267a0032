from contextlib import contextmanager

import numpy as np
import pytest

from gnnvision.data import Featurizer
from gnnvision.data.molecules import store
from gnnvision.data.molecules.describe import descriptors, scaffolds
from gnnvision.data.molecules.encode import encode_all
from gnnvision.data.molecules.store import (
    WORTH_CACHING,
    cached_descriptors,
    cached_scaffolds,
    encode_cached,
)

SMILES = ["C" * (1 + n % 9) + "N" for n in range(WORTH_CACHING)]
SMILES[7] = "C1CC"
DEFAULT = Featurizer()


@pytest.fixture
def calls(monkeypatch):
    """The rows that were featurized, call by call."""
    made = []

    def counted(smiles, featurizer, **options):
        made.append((list(smiles), featurizer))
        return encode_all(smiles, featurizer, **options)

    monkeypatch.setattr(store, "encode_all", counted)
    return made


def same(one, two):
    for name in ("atoms", "bonds", "ends", "num_atoms", "num_bonds"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        assert getattr(one, name).dtype == getattr(two, name).dtype
    assert one.reasons == two.reasons


def test_the_second_time_nothing_is_featurized(calls, cache):
    first = encode_cached(SMILES, DEFAULT)
    second = encode_cached(tuple(SMILES), DEFAULT)
    assert len(calls) == 1
    same(first, second)
    same(second, encode_all(SMILES, DEFAULT))
    assert "unclosed ring" in second.reasons[7]
    assert len(list((cache / "molecules").iterdir())) == 1


def test_anything_else_is_featurised_anew(calls):
    others = [
        (SMILES, DEFAULT),
        (SMILES, Featurizer(hydrogens="explicit")),
        ([*SMILES[:-1], "O"], DEFAULT),
        (SMILES[::-1], DEFAULT),
        ([*SMILES, "C"], DEFAULT),
    ]
    for smiles, featurizer in others:
        same(encode_cached(smiles, featurizer), encode_all(smiles, featurizer))
    assert len(calls) == len(others)


def test_a_line_break_in_a_smiles_is_not_two_rows(calls):
    # Both have the same text when they are put together line by line.
    joined = [*SMILES, "C\nC"]
    apart = [*SMILES, "C", "C"]
    assert len(encode_cached(joined, DEFAULT).reasons) == len(joined)
    assert len(encode_cached(apart, DEFAULT).reasons) == len(apart)
    assert len(calls) == 2


def test_another_release_of_rdkit_reads_anew(calls, monkeypatch):
    encode_cached(SMILES, DEFAULT)
    monkeypatch.setattr("rdkit.rdBase.rdkitVersion", "1999.09.1")
    encode_cached(SMILES, DEFAULT)
    assert len(calls) == 2


def test_a_few_are_not_kept(calls, cache):
    encode_cached(SMILES[: WORTH_CACHING - 1], DEFAULT)
    assert not (cache / "molecules").exists()
    assert len(calls) == 1


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "array", "other", "flip"])
def test_a_damaged_file_is_done_without_and_written_anew(calls, cache, damage):
    first = encode_cached(SMILES, DEFAULT)
    (file,) = (cache / "molecules").iterdir()
    whole = file.read_bytes()
    if damage == "array":
        with file.open("wb") as target:
            np.save(target, np.zeros(3))
    elif damage == "other":
        with file.open("wb") as target:
            np.savez(target, reasons=np.zeros(3))
    else:
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        damages = {"empty": b"", "cut": whole[:middle], "text": b"hello", "flip": flipped}
        file.write_bytes(damages[damage])
    same(encode_cached(SMILES, DEFAULT), first)
    assert len(calls) == 2
    same(encode_cached(SMILES, DEFAULT), first)
    assert len(calls) == 2
    assert file.read_bytes() == whole


@pytest.mark.slow
def test_no_byte_of_a_file_can_be_wrong_and_do_harm(cache):
    """A file with one wrong byte is noticed, or its rows are right."""
    first = encode_cached(SMILES, DEFAULT)
    (file,) = (cache / "molecules").iterdir()
    whole = file.read_bytes()
    for place in (*range(30, 170, 5), *range(0, len(whole), 397)):  # a header is at the start
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        same(encode_cached(SMILES, DEFAULT), first)


def test_where_nothing_can_be_written_it_works_all_the_same(tmp_path, monkeypatch, calls):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GNNVISION_CACHE", str(tmp_path / "file"))
    same(encode_cached(SMILES, DEFAULT), encode_cached(SMILES, DEFAULT))
    assert len(calls) == 2


def test_descriptors_and_scaffolds_are_kept_too(cache, monkeypatch):
    first = cached_descriptors(SMILES, DEFAULT), cached_scaffolds(SMILES, DEFAULT)
    np.testing.assert_array_equal(first[0], descriptors(SMILES, DEFAULT))
    assert first[1] == scaffolds(SMILES, DEFAULT)
    assert len(list((cache / "molecules").iterdir())) == 2
    monkeypatch.setattr(store, "map_chunks", None)  # nothing may be worked out again
    np.testing.assert_array_equal(cached_descriptors(SMILES, DEFAULT), first[0])
    assert cached_scaffolds(SMILES, DEFAULT) == first[1]


def test_progress_is_told_where_there_is_work(monkeypatch):
    told = []

    @contextmanager
    def bar(what, total):
        told.append((what, total))
        yield told.append

    monkeypatch.setattr(store, "bar", bar)
    encode_cached(SMILES, DEFAULT)
    encode_cached(SMILES, DEFAULT)
    assert told == [("molecules: atoms and bonds", len(SMILES)), len(SMILES)]


def test_a_cache_of_molecules_that_rdkit_had_cut_is_not_read(cache, monkeypatch):
    clean, cut = [*SMILES, "CCO"], [*SMILES, "CC O"]
    monkeypatch.setattr(store, "text_fault", lambda text: "")  # as it was before
    before = [store._cache_file("atoms and bonds", rows, DEFAULT) for rows in (clean, cut)]
    monkeypatch.undo()
    monkeypatch.setenv("GNNVISION_CACHE", str(cache))
    after = [store._cache_file("atoms and bonds", rows, DEFAULT) for rows in (clean, cut)]
    assert after[0] == before[0]
    assert after[1] != before[1]
