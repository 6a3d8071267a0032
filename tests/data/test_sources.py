import os

import pytest

from gnnvision.data.archives import TarSource, ZipSource
from gnnvision.data.sources import FolderSource, open_source

from . import made_files

FILES = {"b/2.txt": b"two", "a/1.txt": b"one", "a/deep/3.txt": b"", ".hidden": b"x"}
SEEN = {"a/1.txt": b"one", "a/deep/3.txt": b"", "b/2.txt": b"two"}


@pytest.fixture(params=["folder", "tar", "tar.gz", "zip"])
def place(request, tmp_path):
    if request.param == "folder":
        return made_files.write(tmp_path / "set", FILES)
    path = tmp_path / f"set.{request.param}"
    if request.param == "zip":
        return made_files.write_zip(path, FILES)
    return made_files.write_tar(path, FILES, packed=request.param == "tar.gz")


def test_all_kinds_list_and_read_alike(place):
    source = open_source(place)
    assert source.name == "set"
    assert [m.path for m in source.members()] == sorted(SEEN)
    assert [m.size for m in source.members()] == [3, 0, 3]
    assert list(source.folders()) == ["a", "a/deep", "b"]
    assert {m.path: data for m, data in source.read(source.members())} == SEEN
    assert [data for _, data in source.read(source.members()[:1])] == [b"one"]


def test_the_kind_is_told_by_content_not_by_name(tmp_path):
    assert isinstance(open_source(made_files.write_zip(tmp_path / "x.tar", FILES)), ZipSource)
    assert isinstance(open_source(made_files.write_tar(tmp_path / "x.zip", FILES)), TarSource)


def test_the_fingerprint_changes_with_the_contents(place):
    before = open_source(place).fingerprint()
    assert open_source(place).fingerprint() == before
    if place.is_dir():
        os.utime(place / "a" / "1.txt", ns=(1, 1))
        touched = open_source(place).fingerprint()
        (place / "a" / "1.txt").rename(place / "a" / "4.txt")
        assert len({before, touched, open_source(place).fingerprint()}) == 3
    else:
        place.write_bytes(place.read_bytes() + bytes(512))
        assert open_source(place).fingerprint() != before


def test_links_are_followed_but_not_in_circles(tmp_path):
    made_files.write(tmp_path / "elsewhere", {"1.txt": b"one"})
    folder = made_files.write(tmp_path / "set", {"a/2.txt": b"two"})
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "a" / "round").symlink_to(folder)
    (folder / "a" / "gone.txt").symlink_to(tmp_path / "nowhere")
    source = FolderSource(folder)
    assert {m.path: m.size for m in source.members()} == {
        "a/2.txt": 3,
        "a/gone.txt": 0,
        "linked/1.txt": 3,
    }
    assert dict((m.path, d) for m, d in source.read(source.members()))["a/gone.txt"] == b""


def test_nothing_there_names_what_is_near(tmp_path):
    (tmp_path / "pictures").mkdir()
    with pytest.raises(
        FileNotFoundError, match=r"got '.*picturs'. In .* there is 'pictures'. Did"
    ):
        open_source(tmp_path / "picturs")
    with pytest.raises(FileNotFoundError, match=r"there is 'pictures'. Check the spelling"):
        open_source(tmp_path / "zzz" / "deeper")


@pytest.mark.parametrize("data", [b"Rar!\x1a\x07\x00", b"7z\xbc\xaf\x27\x1c", b"", b"text"])
def test_another_kind_of_file(tmp_path, data):
    (tmp_path / "x.rar").write_bytes(data)
    with pytest.raises(ValueError, match=r"must be a folder or a tar, tar.gz or zip archive, got"):
        open_source(tmp_path / "x.rar")
