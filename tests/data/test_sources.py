import os
import socket
from pathlib import Path

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
    with pytest.raises(FileNotFoundError, match=r"got '.*picturs'. Did you mean 'pictures' in"):
        open_source(tmp_path / "picturs")
    with pytest.raises(FileNotFoundError, match=r"contains 'pictures'. Check the spelling"):
        open_source(tmp_path / "zzz" / "deeper")


@pytest.mark.parametrize("data", [b"Rar!\x1a\x07\x00", b"7z\xbc\xaf\x27\x1c", b"", b"text"])
def test_another_kind_of_file(tmp_path, data):
    (tmp_path / "x.rar").write_bytes(data)
    with pytest.raises(ValueError, match=r"must be a folder or a tar, tar.gz or zip archive, got"):
        open_source(tmp_path / "x.rar")


def two_alike(folder):
    """Two files that agree in size and in all times, and what makes them so."""
    made_files.write(folder, {"cat/0.bmp": b"aaaa", "dog/0.bmp": b"bbbb", "dog/1.bmp": b"long"})
    for path in folder.rglob("*.bmp"):
        os.utime(path, ns=(10**18, 10**18))


def swap_files(folder):
    first, second = folder / "cat/0.bmp", folder / "dog/0.bmp"
    first.rename(folder / "x")
    second.rename(first)
    (folder / "x").rename(second)


def swap_contents(folder):
    first, second = folder / "cat/0.bmp", folder / "dog/0.bmp"
    times = first.stat().st_mtime_ns, second.stat().st_mtime_ns
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    for path, time in zip((first, second), times, strict=True):
        os.utime(path, ns=(time, time))


def swap_folders(folder):
    (folder / "cat").rename(folder / "x")
    (folder / "dog").rename(folder / "cat")
    (folder / "x").rename(folder / "dog")


@pytest.mark.parametrize("swap", [swap_files, swap_contents, swap_folders])
def test_what_is_swapped_between_classes_changes_the_fingerprint(tmp_path, swap):
    two_alike(tmp_path / "set")
    before = FolderSource(tmp_path / "set").fingerprint()
    assert FolderSource(tmp_path / "set").fingerprint() == before
    swap(tmp_path / "set")
    assert FolderSource(tmp_path / "set").fingerprint() != before


def test_files_that_agree_in_size_and_times_are_told_by_their_contents(tmp_path, monkeypatch):
    two_alike(tmp_path / "set")
    stamp = lambda status: (4, 1, 1)  # noqa: E731 - as on a disk with coarse times
    monkeypatch.setattr("gnnvision.data.sources._stamp", stamp)
    before = FolderSource(tmp_path / "set").fingerprint()
    swap_files(tmp_path / "set")
    assert FolderSource(tmp_path / "set").fingerprint() != before


def test_folders_count_and_files_of_systems_do_not(tmp_path):
    folder = made_files.write(tmp_path / "set", {"a/1.txt": b"one"})
    before = FolderSource(folder).fingerprint()
    (folder / "a" / ".DS_Store").write_bytes(b"x")
    assert FolderSource(folder).fingerprint() == before
    (folder / "b").mkdir()
    assert FolderSource(folder).fingerprint() != before


def test_pipes_and_sockets_are_left_out_and_never_opened(tmp_path, monkeypatch):
    folder = made_files.write(tmp_path / "set", {"a/1.png": b"one"})
    os.mkfifo(folder / "a" / "2.png")
    with socket.socket(socket.AF_UNIX) as unix:
        monkeypatch.chdir(folder)  # a socket's path must be short
        unix.bind("3.png")
    (folder / "4.png").symlink_to("/dev/zero")
    source = FolderSource(folder)
    assert [member.path for member in source.members()] == ["a/1.png"]
    assert [(left.path, left.kind) for left in source.excluded()] == [
        ("3.png", "special file"), ("4.png", "special file"), ("a/2.png", "special file"),
    ]  # fmt: skip
    with pytest.raises(
        ValueError, match=r"must be a regular file, got .*2.png', which is a named pipe"
    ):
        open_source(folder / "a" / "2.png")


def test_one_folder_linked_twice_is_read_twice(tmp_path):
    made_files.write(tmp_path / "src", {"cat/1.png": b"one"})
    for part in ("train", "test"):
        (tmp_path / "set" / part).mkdir(parents=True)
        (tmp_path / "set" / part / "cat").symlink_to(tmp_path / "src" / "cat")
    source = FolderSource(tmp_path / "set")
    assert [member.path for member in source.members()] == ["test/cat/1.png", "train/cat/1.png"]
    (note,) = source.assumed()
    assert note == "'test/cat' and 'train/cat' are links to the same folder, which is read 2 times"


def test_links_that_lead_round_end(tmp_path):
    folder = made_files.write(tmp_path / "set", {"a/1.png": b"one", "b/2.png": b"two"})
    (folder / "a" / "b").symlink_to(folder / "b")
    (folder / "b" / "a").symlink_to(folder / "a")
    (folder / "self").symlink_to(folder / "self")
    source = FolderSource(folder)
    assert [member.path for member in source.members()] == [
        "a/1.png", "a/b/2.png", "b/2.png", "b/a/1.png", "self",
    ]  # fmt: skip
    assert source.members()[-1].fault
    assert {left.kind for left in source.excluded()} == {"linked folder"}


def test_links_that_multiply_are_refused(tmp_path):
    folder = tmp_path / "set"
    for level in range(12):
        (folder / f"{level}").mkdir(parents=True)
        for link in "abc":
            (folder / f"{level}" / link).symlink_to(folder / f"{level + 1}")
    with pytest.raises(
        ValueError, match="must have fewer than 100 links to one folder, got more to"
    ):
        FolderSource(folder)


def test_what_cannot_be_opened_has_its_reason(tmp_path, monkeypatch):
    folder = made_files.write(
        tmp_path / "set", {"a/1.png": b"one", "a/2.png": b"two", "b/3": b"x"}
    )
    listdir, opened = os.listdir, Path.open

    def refuse(path, *args):
        if str(path).endswith(("b", "1.png")):
            raise PermissionError(13, "Permission denied")
        return (listdir if args == () else opened)(path, *args)

    monkeypatch.setattr("os.listdir", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    source = FolderSource(folder)
    assert [(left.path, left.kind, left.reason) for left in source.excluded()] == [
        ("b", "unreadable", "a folder that cannot be read: Permission denied")
    ]
    assert [(m.path, m.fault, data) for m, data in source.read(source.members())] == [
        ("a/1.png", "Permission denied", b""), ("a/2.png", "", b"two"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"must be a readable folder, got .*Permission den"):
        FolderSource(tmp_path / "set" / "b")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("~nosuchuser/x", "whose home folder is unknown"),
        ("x" * 5000, "It cannot be opened: File name too long"),
        ("a\0b", "It cannot be opened: embedded null"),
    ],
)
def test_paths_that_are_none(path, reason):
    with pytest.raises(ValueError, match=f"'path' must be a .*{reason}"):
        open_source(path)


def test_a_name_in_another_unicode_form_is_pointed_out(tmp_path):
    (tmp_path / "\u1100\u1161").mkdir()  # 가, as a Mac writes it
    with pytest.raises(FileNotFoundError, match="looks the same but uses other Unicode"):
        open_source(tmp_path / "가")


def test_a_packed_file_of_another_kind_is_named(tmp_path):
    (tmp_path / "x.rar").write_bytes(b"Rar!\x1a\x07\x00")
    with pytest.raises(
        ValueError, match=r"got .*x.rar', a RAR archive. Unpack it and pass the fol"
    ):
        open_source(tmp_path / "x.rar")


def test_a_single_image_is_no_data_set(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(
        ValueError, match=r"got .*x.png', a single image. Pass the folder that has"
    ):
        open_source(tmp_path / "x.png")
