import bz2
import io
import lzma
import struct
import tracemalloc
import zipfile
import zlib

import pytest

from gnnvision.data.archives import ZipSource

from . import made_files


def zip_of(path, packed, method, size, crc, name=b"a/1.png", flags=0, extra=b""):
    """A zip archive of one entry with what its headers say of it."""
    both = (46, flags, method, 0, 0x21, crc, len(packed), size, len(name), len(extra))
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, *both) + name + extra
    central = struct.pack("<IH", 0x02014B50, 46) + struct.pack("<HHHHHIIIHH", *both)
    central += struct.pack("<HHHII", 0, 0, 0, 0, 0) + name + extra
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central), len(local + packed), 0)
    path.write_bytes(local + packed + central + end)
    return ZipSource(path)


def everything(source):
    return {member.path: content for member, content in source.read(source.members())}


@pytest.mark.parametrize("method", [0, 8, 12, 14])
def test_every_method_gives_the_content(tmp_path, method):
    files = {"a/1.png": bytes(range(256)) * 40, "b/2.png": b"", "b/3.png": b"x"}
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    assert everything(ZipSource(tmp_path / "x.zip")) == files


def test_an_archive_behind_a_program_is_read(tmp_path):
    path = made_files.write_zip(tmp_path / "x.zip", {"a/1.png": b"one"})
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    assert everything(ZipSource(path)) == {"a/1.png": b"one"}


def bombs():
    zeros = bytes(1 << 24)
    deflate, bzip2 = zlib.compressobj(9, zlib.DEFLATED, -15), bz2.BZ2Compressor()
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20}]
    packer = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=filters)
    head = struct.pack("<HHBI", 0x1009, 5, 93, (1 << 32) - 1)  # and a window of 4 GiB
    yield 8, b"".join(deflate.compress(zeros) for _ in range(4)) + deflate.flush()
    yield 12, b"".join(bzip2.compress(zeros) for _ in range(4)) + bzip2.flush()
    yield 14, head + packer.compress(zeros) + packer.flush()


@pytest.mark.parametrize(("method", "packed"), list(bombs()))
def test_no_more_is_unpacked_than_an_entry_states(tmp_path, method, packed):
    source = zip_of(tmp_path / "x.zip", packed, method, 1000, zlib.crc32(bytes(1000)))
    tracemalloc.start()
    with pytest.raises(
        ValueError, match=r"is damaged \(BadZipFile: 'a/1.png' does not unpack to the 1"
    ):
        everything(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize(
    ("packed", "method", "size", "crc", "fault"),
    [
        (b"abc", 0, 3, 1, "the checksum of 'a/1.png' is wrong"),
        (b"abc", 0, 4, 1, "does not unpack to the 4 bytes"),
        (b"xxxx", 12, 10, 1, "is damaged .OSError: Invalid data stream"),
        (b"xxxx", 14, 10, 1, "LZMA without properties"),
        (struct.pack("<HHBI", 0, 5, 250, 0), 14, 10, 1, "LZMA with invalid properties"),
        (b"xxxx", 8, 10, 1, "does not unpack to the 10 bytes"),
        (b"\xff\xff\xff", 8, 10, 1, "is damaged .error: Error -3"),
    ],
)
def test_damaged_entries_are_one_sentence(tmp_path, packed, method, size, crc, fault):
    with pytest.raises(ValueError, match=fault):
        everything(zip_of(tmp_path / "x.zip", packed, method, size, crc))


def test_other_methods_are_named(tmp_path):
    source = zip_of(tmp_path / "x.zip", b"abc", 9, 3, 1)
    with pytest.raises(
        ValueError, match=r"'a/1.png' uses the unsupported compression method 9. Unpack it wi"
    ):
        source.members()
    with pytest.raises(ValueError, match="an entry has no name"):
        zip_of(tmp_path / "y.zip", b"", 0, 0, 0, name=b"").members()


def test_old_korean_names_are_decoded_and_said(tmp_path):
    source = zip_of(
        tmp_path / "x.zip", b"abc", 0, 3, zlib.crc32(b"abc"), "강아지/1.png".encode("cp949")
    )
    assert everything(source) == {"강아지/1.png": b"abc"}
    (note,) = source.assumed()
    assert note.startswith("file names are decoded as cp949")


def test_japanese_names_with_a_backslash_in_their_bytes(tmp_path):
    source = zip_of(
        tmp_path / "x.zip", b"abc", 0, 3, zlib.crc32(b"abc"), "ソース/表.png".encode("cp932")
    )
    assert list(everything(source)) == ["ソース/表.png"]
    assert source.folders() == ["ソース"]


def test_a_name_in_the_unicode_field_is_taken_where_it_fits(tmp_path):
    raw, name = b"A/1.png", "고양이/1.png".encode()
    for crc, expected in ((zlib.crc32(raw), "고양이/1.png"), (1, "A/1.png")):
        body = struct.pack("<BI", 1, crc) + name
        extra = struct.pack("<HH", 0x7075, len(body)) + body
        source = zip_of(tmp_path / "x.zip", b"", 0, 0, 0, raw, extra=extra)
        assert [member.path for member in source.members()] == [expected]


def test_backslashes_separate_folders_but_lead_nowhere_else(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("train\\", "train\\cat\\1.png", "train\\dog\\2.png"):
            info = zipfile.ZipInfo(name)
            info.filename = name
            archive.writestr(info, b"" if name.endswith("\\") else b"abc")
    (tmp_path / "x.zip").write_bytes(buffer.getvalue())
    source = ZipSource(tmp_path / "x.zip")
    assert everything(source) == {"train/cat/1.png": b"abc", "train/dog/2.png": b"abc"}
    assert source.folders() == ["train", "train/cat", "train/dog"]
    assert source.assumed() == ["backslashes in file names are path separators"]
    bad = zip_of(tmp_path / "y.zip", b"", 0, 0, 0, b"a\\..\\..\\up.png")
    with pytest.raises(ValueError, match="leads outside the archive"):
        bad.members()


def test_what_a_mac_packs_beside_the_files_is_left_out(tmp_path):
    files = {"set/cat/1.png": b"x", "__MACOSX/set/cat/._1.png": b"y", "set/.DS_Store": b"z"}
    source = ZipSource(made_files.write_zip(tmp_path / "x.zip", files))
    assert [member.path for member in source.members()] == ["set/cat/1.png"]
    assert source.folders() == ["set", "set/cat"]
    assert [entry.path for entry in source.excluded()] == [
        "__MACOSX/set/cat/._1.png", "set/.DS_Store",
    ]  # fmt: skip
