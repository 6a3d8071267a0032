import gzip
import io
import tarfile
import time

import pytest

from gnnvision.data.archives import TarSource
from gnnvision.data.sources import open_source
from gnnvision.data.tar_entries import TarEntry, tar_entries

from . import made_files

LONG = "a" * 90 + "/" + "고양이" * 20 + ".png"


def read(data, wants=None):
    return list(tar_entries(io.BytesIO(data), 1 << 30, 1 << 20, wants, seeks=True))


def made(form, **files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        folder = tarfile.TarInfo("set")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_is_read_as_tarfile_reads_it(form):
    files = {"a/1.png": b"one", "b/2.png": b"", "c/3.png": bytes(range(256)) * 5}
    if form != tarfile.USTAR_FORMAT:
        files[LONG] = b"long"
    data = made(form, **files)
    wants = frozenset(name.encode() for name in files)
    found = {e.name.decode(): content for e, content in read(data, wants) if e.kind == "file"}
    assert found == files
    assert read(data)[0] == (TarEntry(b"set/", 0, "folder"), b"")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        sizes = [(entry.name, entry.size) for entry in archive if entry.isreg()]
    found = [entry for entry, _ in read(data) if entry.kind == "file"]
    assert [(entry.name.decode(), entry.size) for entry in found] == sizes


def test_a_name_in_two_fields_and_numbers_in_binary():
    info = tarfile.TarInfo("d" * 80 + "/" + "f" * 80)
    info.size = 3
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = b"\x80" + (3).to_bytes(11, "big")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    data = bytes(block) + b"abc".ljust(512, b"\0") + bytes(1024)
    name = ("d" * 80 + "/" + "f" * 80).encode()
    assert read(data, frozenset([name])) == [(TarEntry(name, 3, "file"), b"abc")]


def test_an_archive_that_was_cut_between_two_files_is_damaged(tmp_path):
    files = {f"a/{n}.png": bytes([n]) * 700 for n in range(3)}
    path = made_files.write_tar(tmp_path / "x.tar", files, packed=False)
    whole = path.read_bytes()
    step = 512 + 1024  # a header and a file
    for count in range(1, 4):
        path.write_bytes(whole[: count * step])
        with pytest.raises(
            ValueError, match=r"is damaged .* it is truncated: the end marker is mis"
        ):
            TarSource(path).members()
    path.write_bytes(whole[: 3 * step] + bytes(512))  # one block of the mark is enough
    assert len(TarSource(path).members()) == 3


def test_a_second_archive_behind_the_first_is_not_passed_over(tmp_path):
    path = made_files.write_tar(tmp_path / "x.tar", {"a/1.png": b"x"}, packed=False)
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(ValueError, match="there is data after the end marker"):
        TarSource(path).members()


def header(kind, body):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, len(body)
    return info.tobuf() + body + bytes(-len(body) % 512)


BOMBS = {
    "chained": header(tarfile.XHDTYPE, b"20 comment=xxxxxxxx\n") * 3000,
    "long names": header(tarfile.GNUTYPE_LONGNAME, b"x" * 40) * 3000,
    "digits": header(tarfile.XHDTYPE, b"30 comment=" + b"x" * 18 + b"\n" + b"0" * 60000),
    "huge": header(tarfile.XHDTYPE, b"1" * 200000),
    "long length": header(tarfile.XHDTYPE, b"9" * 5000 + b" path=x\n"),
    "negative": header(tarfile.XHDTYPE, b"17 size=-1000000\n"),
    "words": header(tarfile.XHDTYPE, b"13 size=four\n"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_headers_before_an_entry_are_bounded(tmp_path, name):
    data = BOMBS[name] + tarfile.TarInfo("a/1.png").tobuf() + bytes(1024)
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(data, mtime=0))
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=r"is damaged \(ReadError: "):
        TarSource(tmp_path / "x.tar.gz").members()
    assert time.perf_counter() - begin < 2


def test_a_sparse_file_is_named(tmp_path):
    """What follows it is laid out in another way: it was taken for damage."""
    info = tarfile.TarInfo("cat/1.png")
    info.size, info.type = 700, tarfile.GNUTYPE_SPARSE
    data = info.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024 + bytes(1024)
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(ValueError, match=r"'cat/1\.png' is a sparse file\. Unpack it"):
        TarSource(tmp_path / "a.tar").members()


def test_the_form_before_1988_has_no_mark(tmp_path):
    block = bytearray(made(tarfile.USTAR_FORMAT, x=b"abc"))
    for at in (0, 512):  # the folder and the file
        block[at + 257 : at + 265] = bytes(8)
        block[at + 148 : at + 156] = b" " * 8
        block[at + 148 : at + 156] = b"%06o\0 " % sum(block[at : at + 512])
    (tmp_path / "a.tar").write_bytes(bytes(block))
    source = open_source(tmp_path / "a.tar")
    assert [(m.path, content) for m, content in source.read(source.members())] == [("x", b"abc")]


def test_an_empty_archive_is_an_archive(tmp_path):
    (tmp_path / "a.tar").write_bytes(bytes(10240))
    assert list(open_source(tmp_path / "a.tar").members()) == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (gzip.compress(b"\x89PNG" * 300, mtime=0), "a gzip file that is not an archive"),
        (gzip.compress(b"hello", mtime=0), "a gzip file that is not an archive"),
        (b"", "an empty file. Download it again"),
        (b"<!DOCTYPE html><html>", "a web page. Download the archive itself"),
        (b"\x04\x22\x4d\x18" + bytes(99), "packed with lz4"),
        (b"\x1f\x9d\x90" + bytes(99), "packed with compress"),
        (bytes(512) + b"CD001", r"got '[^']*a.zip'\. Unpack"),
    ],
)
def test_what_is_no_archive_is_named_and_not_called_damaged(tmp_path, content, what):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ValueError, match=f"'path' must be a folder or a tar, .*{what}"):
        open_source(tmp_path / "a.zip").members()
