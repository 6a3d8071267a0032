import hashlib

import numpy as np
import pytest

from gnnvision.data import ChecksumError, DataNotFound, load
from gnnvision.data.arrays import read_npz
from gnnvision.data.card import DataFile
from gnnvision.data.files import decode_cached, locate, locate_any, read_verified
from gnnvision.data.graphs.planetoid import decode_planetoid

from . import made


@pytest.mark.parametrize("place", ["Tiny/raw", "Tiny/Tiny/raw", "."])
def test_files_are_found_where_torch_geometric_puts_them(tmp_path, place):
    card = made.planetoid(tmp_path / place)
    assert locate(card, tmp_path, download=False) == tmp_path / place


def test_missing_files_are_named_with_their_folder(tmp_path):
    card = made.card(urls=("https://example.invalid/data/",))
    with pytest.raises(DataNotFound, match=r"were not found in .*, and download=False") as caught:
        locate(card, tmp_path, download=False)
    assert caught.value.folder == tmp_path / "Tiny" / "raw"
    assert len(caught.value.files) == 8
    assert "ind.tiny.x  (https://example.invalid/data/ind.tiny.x)" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_one_missing_file_is_enough(tmp_path):
    card = made.planetoid(tmp_path / "Tiny" / "raw")
    (tmp_path / "Tiny" / "raw" / "ind.tiny.ty").unlink()
    with pytest.raises(DataNotFound) as caught:
        locate(card, tmp_path, download=False)
    assert caught.value.files == ("ind.tiny.ty",)


def test_of_two_forms_the_preferred_one_that_is_there(tmp_path):
    card = made.card(files=(DataFile("x.gz"),), folder="")
    forms = (["x/a", "x/b"], ["x.gz"])
    (tmp_path / "x.gz").write_bytes(b"")
    assert locate_any(card, tmp_path, forms, download=False) == (tmp_path, ["x.gz"])
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a").write_bytes(b"")
    assert locate_any(card, tmp_path, forms, download=False)[1] == ["x.gz"]
    (tmp_path / "x" / "b").write_bytes(b"")
    assert locate_any(card, tmp_path, forms, download=False) == (tmp_path, ["x/a", "x/b"])


def test_a_read_only_root_is_left_alone(tmp_path, cache):
    root = tmp_path / "root"
    root.mkdir(mode=0o555)
    card = made.card()
    with pytest.raises(DataNotFound) as caught:
        locate(card, root, download=True)
    assert caught.value.folder == cache / "downloads" / "Tiny" / "raw"
    made.planetoid(cache / "downloads" / "Tiny" / "raw")
    assert locate(card, root, download=False) == cache / "downloads" / "Tiny" / "raw"


def test_a_known_checksum_is_compared_before_anything_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()
    card = made.card(files=(DataFile("a", 7, digest),))
    assert read_verified(card, tmp_path) == {"a": b"content"}
    (tmp_path / "a").write_bytes(b"other")
    wrong = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(
        ChecksumError, match=f"{tmp_path}/a must have the SHA-256 {digest}, got {wrong}"
    ):
        read_verified(card, tmp_path)


def test_an_unknown_checksum_is_said(tmp_path):
    card = made.planetoid(tmp_path)
    with pytest.warns(UserWarning, match="could not be verified: .* no SHA-256 for ind.tiny.x, "):
        read_verified(card, tmp_path)


@pytest.fixture
def raw(tmp_path):
    made.planetoid(tmp_path / "made")
    return {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}


def refuse(raw, card):
    raise AssertionError("decoded again")


def test_decoding_is_done_once_for_the_same_bytes(raw, cache):
    card = made.card()
    first = decode_cached(card, raw, decode_planetoid)
    again = decode_cached(card, raw, refuse)
    assert again.hash() == first.hash()
    np.testing.assert_array_equal(again.test, first.test)
    assert len(list((cache / "decoded").iterdir())) == 1
    with pytest.raises(AssertionError, match="decoded again"):
        decode_cached(card, raw | {"ind.tiny.x": raw["ind.tiny.x"] + b" "}, refuse)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04junk"])
def test_a_damaged_cache_is_replaced(raw, cache, content):
    decode_cached(made.card(), raw, decode_planetoid)
    (path,) = (cache / "decoded").iterdir()
    path.write_bytes(content)
    decode_cached(made.card(), raw, decode_planetoid)
    assert read_npz(path.read_bytes()).num_nodes == 18


def test_without_a_cache_all_works(raw, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GNNVISION_CACHE", str(tmp_path / "file"))
    assert decode_cached(made.card(), raw, decode_planetoid).num_nodes == 18
    monkeypatch.setattr("gnnvision.data.files.cache_folder", lambda: None)
    assert decode_cached(made.card(), raw, decode_planetoid).num_nodes == 18


def test_nothing_is_written_beside_the_real_files(real_data, cache):
    before = {path: path.stat().st_mtime_ns for path in (real_data / "Cora").rglob("*")}
    first, second = (load("cora", root=real_data) for _ in range(2))
    assert before == {path: path.stat().st_mtime_ns for path in (real_data / "Cora").rglob("*")}
    assert first.data_hash == second.data_hash
    assert [path.name[:5] for path in (cache / "decoded").iterdir()] == ["cora-"]
