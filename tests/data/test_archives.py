import gzip
import io
import stat
import tarfile
import warnings
import zipfile

import pytest

from gnnvision.data import archives
from gnnvision.data.archives import ArchiveLimits, TarSource, ZipSource

from . import made_files
from .images import made


def tar_of(path, *entries):
    """A tar archive of TarInfo, each with the bytes it states."""
    with tarfile.open(path, "w") as archive:
        for entry in entries:
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    return TarSource(path)


def entry(name, size=3, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


def zip_of(path, *names, mode=None):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # of a name given twice
        for name in names:
            info = zipfile.ZipInfo(name)
            info.filename = info.orig_filename = name
            info.external_attr = (mode or stat.S_IFREG | 0o644) << 16
            archive.writestr(info, b"abc")
    return ZipSource(path)


NAMES = ["/etc/passwd", "../up.png", "a/../../up.png", "a\\..\\up.png", "C:/up.png"]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_out(tmp_path, name):
    for source in (
        tar_of(tmp_path / "x.tar", entry("a.png"), entry(name)),
        zip_of(tmp_path / "x.zip", "a.png", name),
    ):
        with pytest.raises(
            ValueError, match=r"is refused: the path .* leads outside the archive. Nothing"
        ):
            source.members()


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device or another special file"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a device"),
    ],
)
def test_tar_links_and_devices(tmp_path, kind, what):
    source = tar_of(tmp_path / "x.tar", entry("a/1.png", 0, kind, link="/etc/passwd"))
    with pytest.raises(ValueError, match=f"is refused: 'a/1.png' is {what}"):
        source.members()


@pytest.mark.parametrize(
    ("mode", "what"), [(stat.S_IFLNK | 0o777, "a link"), (stat.S_IFIFO, "a device")]
)
def test_zip_links_and_devices(tmp_path, mode, what):
    with pytest.raises(ValueError, match=f"is refused: 'a/1.png' is {what}"):
        zip_of(tmp_path / "x.zip", "a/1.png", mode=mode).members()


def test_a_name_twice(tmp_path):
    for source in (
        tar_of(tmp_path / "x.tar", entry("a/1.png"), entry("./a//1.png")),
        zip_of(tmp_path / "x.zip", "a/1.png", "a/1.png"),
    ):
        with pytest.raises(ValueError, match=r"is refused: it has two entries '.*1.png'"):
            source.members()


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        ({"total_bytes": 5}, "it unpacks to more than 5 bytes"),
        ({"member_bytes": 2}, "'a.png' unpacks to 3 bytes, more than 2"),
        ({"members": 1}, "it has more than 1 entries"),
    ],
)
def test_limits(tmp_path, limits, fault):
    made_files.write_tar(tmp_path / "x.tar", {"a.png": b"abc", "b.png": b"abc"})
    made_files.write_zip(tmp_path / "x.zip", {"a.png": b"abc", "b.png": b"abc"})
    for kind, ending in ((TarSource, "tar"), (ZipSource, "zip")):
        with pytest.raises(ValueError, match=f"is refused: {fault}"):
            kind(tmp_path / f"x.{ending}", ArchiveLimits(**limits)).members()


def test_a_bomb_is_noticed_by_its_ratio(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_SMALL", 1 << 16)
    made_files.write_tar(tmp_path / "x.tar.gz", {"a.png": bytes(1 << 20)})
    made_files.write_zip(tmp_path / "x.zip", {"a.png": bytes(1 << 20)})
    for kind, ending in ((TarSource, "tar.gz"), (ZipSource, "zip")):
        with pytest.raises(ValueError, match="unpacks to more than 200 times its size"):
            kind(tmp_path / f"x.{ending}").members()


def test_a_bomb_of_padding_and_a_huge_header_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_SMALL", 1 << 16)
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 1 << 32
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(long_name.tobuf() + bytes(1 << 20), mtime=0))
    with pytest.raises(
        ValueError, match=r"is damaged \(ReadError: a header of \d+ bytes is too large"
    ):
        TarSource(tmp_path / "x.tar.gz").members()


def test_an_encrypted_zip(tmp_path):
    path = made_files.write_zip(tmp_path / "x.zip", {"a.png": b"abc"})
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(magic) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"is refused: 'a.png' is encrypted"):
        ZipSource(path).members()


def test_every_truncation_is_one_clear_error(tmp_path):
    files = {f"a/{n}.png": made.encoded(made.pixels(n)) for n in range(3)}
    for path in (
        made_files.write_tar(tmp_path / "x.tar.gz", files),
        made_files.write_tar(tmp_path / "y.tar", files, packed=False),
        made_files.write_zip(tmp_path / "x.zip", files),
    ):
        whole = path.read_bytes()
        kind = ZipSource if path.suffix == ".zip" else TarSource
        last = len(whole) if path.suffix != ".tar" else whole.rindex(b"IEND")
        for end in range(1, last, max(1, last // 40)):
            path.write_bytes(whole[:end])
            source = kind(path)
            with pytest.raises(ValueError, match="is damaged"):
                list(source.read(source.members()))


def test_a_header_in_the_middle_that_makes_no_sense(tmp_path):
    path = made_files.write_tar(
        tmp_path / "x.tar", {"a.png": bytes(512), "b.png": b"abc"}, packed=False
    )
    data = bytearray(path.read_bytes())
    data[1024:1536] = b"\x7f" * 512  # the header of b.png: tarfile would end there, silently
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged \(ReadError: no valid header at byte 1024"):
        TarSource(path).members()


def test_what_an_operating_system_leaves_is_passed_over(tmp_path):
    files = {"a/1.png": b"x", "a/.DS_Store": b"x", "__MACOSX/a/._1.png": b"x"}
    assert [
        m.path for m in ZipSource(made_files.write_zip(tmp_path / "x.zip", files)).members()
    ] == ["a/1.png"]
