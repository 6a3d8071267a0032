import json
import os
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest

from gnnvision.data import Finding, ScanReport
from gnnvision.data.images import cache as cache_module
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.cache import cache_path, load_or_create


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return ImageArrays(
        images=rng.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8),
        y=np.array([0, 1, 0, 1, 0, 1]),
        split=np.array([0, 0, 0, 0, 2, 2], dtype=np.uint8),
        class_names=("a", "b"),
        names=tuple(f"{n}.png" for n in range(6)),
        scan=ScanReport("x", 7, 6, ((4, 5), (4, 5)), (Finding("7.png", "broken", "why"),)),
    )


def never():
    raise AssertionError("made again")


def same(one, two):
    return one.checksum() == two.checksum() and one.scan == two.scan


def test_made_once_and_mapped_into_memory_then(cache):
    place = cache_path("x", 1)
    first = load_or_create(place, arrays)
    again = load_or_create(place, never)
    assert same(first, arrays())
    assert same(again, arrays())
    assert isinstance(again.images, np.memmap)
    assert again.names == arrays().names
    assert sorted(p.name for p in place.iterdir()) == [
        "images.npy", "labels.npy", "meta.json", "parts.npy",
    ]  # fmt: skip
    assert [p.name for p in (cache / "images").iterdir()] == [place.name]


def test_a_cache_of_version_0_1_is_read(cache):
    folder = cache_path("tree", "abc")
    assert folder == cache / "images" / "7a1116f58c6d899eb9a5cb2c2e4ae6a0"
    folder.mkdir(parents=True)
    images = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", np.array([0, 1]))
    np.save(folder / "parts.npy", np.array([0, 2], dtype=np.uint8))
    findings = [["b/1.png", "in two parts", "train and test: same as a/1.png"]]
    findings += [["c.heic", "unread format", "HEIF"], ["x", "doubtful folders", ""]]
    scan = {"source": "x", "num_files": 3, "num_valid": 2, "sizes": [[2, 2]]}
    meta = {
        "sha256": "f2ffc1821bdf2516873065eb001702f786ef7c7c4162b6e4d818c6cad983f830",
        "class_names": ["a", "b"],
        "names": ["a/1.png", "b/1.png"],
        "scan": scan | {"findings": findings, "assumed": []},
    }
    (folder / "meta.json").write_text(json.dumps(meta))
    arrays = load_or_create(folder, never)
    assert (arrays.images == images).all()
    assert arrays.split.tolist() == [0, 2]
    assert arrays.scan.leaks == (Finding("b/1.png", "in two splits", findings[0][2]),)
    assert list(arrays.scan.counts) == ["in two splits", "unsupported format", "ambiguous folders"]
    assert not arrays.scan.is_valid


def test_another_key_is_another_place():
    assert cache_path("x", 1) == cache_path("x", 1) != cache_path("x", 2)


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "parts.npy", "meta.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "empty"])
def test_a_damaged_cache_is_made_anew(name, damage):
    place = cache_path("x")
    load_or_create(place, arrays)
    file = place / name
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[-3] ^= 1
        file.write_bytes(data)
    elif damage == "remove":
        file.unlink()
    else:
        file.write_bytes(data[: len(data) // 2] if damage == "cut" else b"")
    with pytest.warns(UserWarning, match=r"The cache .* is damaged \(.*\) and is created again"):
        assert same(load_or_create(place, arrays), arrays())
    assert same(load_or_create(place, never), arrays())


@pytest.mark.filterwarnings("ignore:The cache")
@pytest.mark.parametrize("name", ["images.npy", "labels.npy"])
@pytest.mark.parametrize("change", [1, 0x20, 0xFF])
def test_no_byte_of_a_header_can_be_wrong_and_do_harm(name, change):
    place = cache_path("x")
    load_or_create(place, arrays)
    whole = (place / name).read_bytes()
    for position in range(0, 128, 3):
        damaged = bytearray(whole)
        damaged[position] ^= change
        (place / name).write_bytes(damaged)
        assert same(load_or_create(place, arrays), arrays())


def test_where_nothing_can_be_written_it_stays_in_memory(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GNNVISION_CACHE", str(tmp_path / "file"))
    assert same(load_or_create(cache_path("x"), arrays), arrays())
    assert same(load_or_create(None, arrays), arrays())


def test_an_error_while_making_leaves_nothing(cache):
    with pytest.raises(AssertionError, match="made again"):
        load_or_create(cache_path("x"), never)
    assert not list(cache.rglob("*"))


def test_the_quicker_of_two_without_a_lock_does_no_harm(cache, monkeypatch):
    monkeypatch.setattr(cache_module, "folder_lock", lambda *a, **k: nullcontext(False))
    place = cache_path("x")

    def make():
        assert same(load_or_create(place, arrays), arrays())  # another process
        return arrays()

    assert same(load_or_create(place, make), arrays())
    assert same(load_or_create(place, never), arrays())
    assert [p.name for p in (cache / "images").iterdir()] == [place.name]


PROCESS = """
import sys, time
from tests.data.images.test_cache import arrays, same
from gnnvision.data.images.cache import cache_path, load_or_create
def make():
    print("made", flush=True)
    time.sleep(0.3)
    return arrays()
assert same(load_or_create(cache_path("race"), make), arrays())
"""


@pytest.mark.slow
def test_two_processes_at_once_make_it_once_and_both_have_it(cache):
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        for _ in range(2)
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sum(output.count("made") for output in outputs) == 1
    assert same(load_or_create(cache_path("race"), never), arrays())
    assert len(list((cache / "images").iterdir())) == 1
