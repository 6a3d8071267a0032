import csv
import struct

import numpy as np
import pytest
from PIL import ImageFile

from gnnvision.data import scan
from gnnvision.data.images import folder as folder_module
from gnnvision.data.images.decode import DecodeOptions
from gnnvision.data.images.folder import folder_card, read_folder
from gnnvision.data.sources import open_source

from .. import made_files
from . import made


@pytest.fixture
def bad(tmp_path):
    files = made.tree() | {"train/cat/1.png": b"", "train/dog/bad.jpg": b"text"}
    return made_files.write(tmp_path / "set", files)


def test_scan_finds_and_changes_nothing(bad):
    before = sorted((p, p.stat().st_mtime_ns) for p in bad.rglob("*"))
    report = scan(bad)
    assert report.counts == {"empty file": 1, "not an image": 1}
    assert (report.num_files, report.num_valid) == (13, 11)
    assert sorted((p, p.stat().st_mtime_ns) for p in bad.rglob("*")) == before


def test_scan_reports_folders_that_loading_refuses(tmp_path):
    made_files.write(tmp_path / "one", {"cat/1.png": made.encoded(made.pixels())})
    assert scan(tmp_path / "one").counts == {"single class": 1}
    (tmp_path / "one" / "dog").mkdir()
    assert scan(str(tmp_path / "one")).counts == {"empty class": 1, "single class": 1}
    (tmp_path / "none").mkdir()
    assert scan(tmp_path / "none").num_files == 0


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "zip"])
def test_an_archive_is_read_as_its_folder(tmp_path, ending):
    files = made.tree()
    there = read_folder(made_files.write(tmp_path / "set", files), DecodeOptions())
    archive = tmp_path / f"set.{ending}"
    if ending == "zip":
        made_files.write_zip(archive, files)
    else:
        made_files.write_tar(archive, files, packed=ending == "tar.gz")
    here = read_folder(archive, DecodeOptions())
    assert here.hash == there.hash
    assert here.names == there.names
    assert scan(archive).findings == scan(tmp_path / "set").findings == ()


def test_decoded_once_and_again_when_a_file_changes(tmp_path, monkeypatch):
    folder = made_files.write(tmp_path / "set", made.tree())
    first = read_folder(folder, DecodeOptions())
    monkeypatch.setattr(folder_module, "decode_tree", None)
    again = read_folder(folder, DecodeOptions())
    assert isinstance(again.images, np.memmap)
    assert again.checksum() == first.checksum()
    monkeypatch.undo()
    (folder / "train" / "cat" / "0.png").write_bytes(made.encoded(made.pixels(99)))
    assert read_folder(folder, DecodeOptions()).hash != first.hash
    assert read_folder(folder, DecodeOptions(size=(5, 5))).images.shape[1:3] == (5, 5)


def test_the_report_names_the_place_it_was_read_from(tmp_path):
    for name in ("one", "two"):
        archive = made_files.write_tar(tmp_path / f"{name}.tar", made.tree())
        assert read_folder(archive, DecodeOptions()).scan.source == str(archive)


def test_a_file_that_cannot_be_used_is_an_error(bad):
    for _ in range(2):  # the second time from the cache
        with pytest.raises(
            ValueError,
            match=r"All images must be valid, got 'train/cat/1.png' in .*: empty file, 0 "
            r"bytes \(2 invalid files\). Fix or remove it, or load with on_invalid='skip'",
        ):
            read_folder(bad, DecodeOptions())


def test_skip_leaves_them_out(bad):
    arrays = read_folder(bad, DecodeOptions(), "skip")
    assert len(arrays.images) == 11
    assert len(arrays.scan.invalid) == 2
    assert folder_card(open_source(bad), arrays).description.endswith(
        "2 invalid files are excluded."
    )


def test_quarantine_lists_them_and_moves_nothing(bad, tmp_path, cache):
    read_folder(bad, DecodeOptions(), "quarantine", tmp_path / "lists")
    with (tmp_path / "lists" / "quarantine.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["path", "reason", "details"],
        ["train/cat/1.png", "empty file", "0 bytes"],
        ["train/dog/bad.jpg", "not an image", "begins with b'text'"],
    ]
    assert (bad / "train" / "dog" / "bad.jpg").read_bytes() == b"text"
    read_folder(bad, DecodeOptions(), "quarantine")
    (written,) = cache.rglob("quarantine.csv")
    assert written.read_bytes() == (tmp_path / "lists" / "quarantine.csv").read_bytes()
    assert len(read_folder(bad, DecodeOptions(), "skip").images) == 11


def test_quarantine_needs_a_place(bad, tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "cache_path", lambda *key: None)
    with pytest.raises(ValueError, match="'quarantine' must be a folder if there is no cache"):
        read_folder(bad, DecodeOptions(), "quarantine")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="'quarantine' must be a writable folder"):
        read_folder(bad, DecodeOptions(), "quarantine", tmp_path / "file")


def test_an_unknown_policy(bad):
    with pytest.raises(
        ValueError, match="'on_invalid' must be one of 'raise', 'skip', 'quarantine'"
    ):
        read_folder(bad, DecodeOptions(), "ignore")


def test_a_read_only_folder(tmp_path):
    folder = made_files.write(tmp_path / "set", made.tree())
    places = [folder, *(p for p in folder.rglob("*") if p.is_dir())]
    for place in places:
        place.chmod(0o555)
    assert len(read_folder(folder, DecodeOptions()).images) == 12
    for place in places:
        place.chmod(0o755)


def test_the_card_says_what_can_be_seen(tmp_path):
    files = made.tree(size=(9, 7)) | {"train/dog/9.png": made.encoded(made.pixels(70, (30, 40)))}
    folder = made_files.write(tmp_path / "pets", files)
    arrays = read_folder(folder, DecodeOptions())
    card = folder_card(open_source(folder), arrays)
    assert (card.name, card.title, card.class_names) == ("pets", "pets", ("cat", "dog"))
    assert card.description == (
        "13 color images of 7 x 7 pixels, resized from 9 x 7 to 30 x 40: the shorter side is "
        "resized with antialiasing and the center cropped, in 2 classes named by their folders."
    )
    assert dict(card.facts) == {"size": [7, 7], "channels": 3, "class_sizes": [6, 7]}


def test_endings_and_contents_tell_what_is_an_image(tmp_path):
    png, jpeg, webp = (
        made.encoded(made.pixels(90 + number), form)
        for number, form in enumerate(("PNG", "JPEG", "WEBP"))
    )
    files = made.tree() | {
        "train/cat/a.jfif": jpeg, "train/cat/no_ending": png, "train/dog/b.unknown": webp,
        "train/dog/phone.heic": b"\0\0\0\x18ftypheic", "train/dog/camera.nef": b"II*\0",
        "train/dog/strange": b"\0\0\0\x1cftypavif", "README.md": b"text", "train/cat/1.png~": png,
        "train/notes": b"text", "Thumbs.db": b"x",
    }  # fmt: skip
    folder = made_files.write(tmp_path / "set", files)
    report = scan(folder)
    assert (report.num_files, report.num_valid) == (21, 15)
    assert report.counts == {
        "unsupported format": 3, "wrong extension": 2, "other file": 3, "system file": 1,
    }  # fmt: skip
    reasons = {finding.path: finding.reason for finding in report.excluded}
    assert reasons["train/dog/phone.heic"].startswith("HEIC is not supported; convert it to")
    assert reasons["train/dog/camera.nef"].startswith("camera RAW is not supported")
    assert reasons["train/dog/strange"].startswith("AVIF is not")
    assert reasons["train/notes"] == "no extension"
    assert not report.is_valid
    assert "15 of 21 files are valid" in str(report)
    with pytest.warns(UserWarning, match=r"are excluded: 3 in unsupported formats"):
        arrays = read_folder(folder, DecodeOptions())
    assert len(arrays.images) == 15
    with pytest.warns(UserWarning, match="are excluded"):  # from the cache too
        assert read_folder(folder, DecodeOptions()).hash == arrays.hash


def test_images_in_no_class_folder_are_warned_of(tmp_path):
    files = made.tree(parts={"train": 3}) | {"test/1.png": made.encoded(made.pixels(99))}
    folder = made_files.write(tmp_path / "set", files)
    with pytest.warns(
        UserWarning, match=r"excluded: 1 outside the class folders \(e.g. 'test/1.png'\)"
    ):
        assert len(read_folder(folder, DecodeOptions()).images) == 6


def test_labels_follow_files_that_are_swapped(tmp_path):
    files = {
        f"{name}/{number}.bmp": made.encoded(np.full((8, 8, 3), value + number, np.uint8), "BMP")
        for name, value in (("cat", 0), ("dog", 200)) for number in range(3)
    }  # fmt: skip
    folder = made_files.write(tmp_path / "set", files)
    assert read_folder(folder, DecodeOptions()).images[:, 0, 0, 0].tolist() == [
        0,
        1,
        2,
        200,
        201,
        202,
    ]
    (folder / "cat" / "0.bmp").rename(folder / "x")
    (folder / "dog" / "0.bmp").rename(folder / "cat" / "0.bmp")
    (folder / "x").rename(folder / "dog" / "0.bmp")
    assert read_folder(folder, DecodeOptions()).images[:, 0, 0, 0].tolist() == [
        200,
        1,
        2,
        0,
        201,
        202,
    ]


def test_a_class_that_becomes_empty_is_noticed_behind_the_cache(tmp_path):
    folder = made_files.write(tmp_path / "set", made.tree(parts={"train": 3}))
    read_folder(folder, DecodeOptions())
    (folder / "train" / "owl").mkdir()
    with pytest.raises(ValueError, match="Every class folder must have images, got none in 'tr"):
        read_folder(folder, DecodeOptions())


def test_a_file_that_cannot_be_opened_is_skipped_where_asked(tmp_path):
    folder = made_files.write(tmp_path / "set", made.tree())
    (folder / "train" / "cat" / "9.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"got 'train/cat/9.png' .*: unreadable, a broken l"):
        read_folder(folder, DecodeOptions())
    assert len(read_folder(folder, DecodeOptions(), "skip").images) == 12


@pytest.mark.parametrize("error", [MemoryError, struct.error, KeyError, RecursionError])
def test_one_odd_file_does_not_stop_a_set(tmp_path, monkeypatch, error):
    folder = made_files.write(tmp_path / "set", made.tree())
    load = ImageFile.ImageFile.load

    def odd(self):
        if self.size == (13, 13):
            raise error("odd")
        return load(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", odd)
    (folder / "train" / "cat" / "odd.tif").write_bytes(
        made.encoded(made.pixels(5, (13, 13)), "TIFF")
    )
    assert len(read_folder(folder, DecodeOptions(), "skip").images) == 12
    assert scan(folder).counts == {"broken": 1}
    with pytest.raises(
        ValueError, match=r"got 'train/cat/odd.tif' in .*: broken, .*odd.* with on_inv"
    ):
        read_folder(folder, DecodeOptions())
