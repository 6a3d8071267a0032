"""Which files are images, by what they begin with and how their names end."""

from __future__ import annotations

from pathlib import PurePosixPath

__all__ = ["ENDINGS", "HEAD_BYTES", "readable_format", "unread_format", "why_left_out"]

ENDINGS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".jfi": "JPEG",
    ".jif": "JPEG", ".pjpeg": "JPEG", ".pjp": "JPEG", ".mpo": "JPEG", ".png": "PNG",
    ".apng": "PNG", ".bmp": "BMP", ".dib": "BMP", ".gif": "GIF", ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF", ".ppm": "PPM", ".pgm": "PPM", ".pbm": "PPM", ".pnm": "PPM",
}  # fmt: skip
HEAD_BYTES = 512
_RAW = frozenset((
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".mrw", ".nef", ".nrw",
    ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
))  # fmt: skip
_UNREAD = {
    ".heic": "HEIC", ".heif": "HEIC", ".hif": "HEIC", ".avif": "AVIF", ".svg": "SVG",
    ".svgz": "SVG", ".psd": "PSD", ".psb": "PSD", ".jp2": "JPEG 2000", ".j2k": "JPEG 2000",
    ".jpx": "JPEG 2000", ".jxl": "JPEG XL", ".ico": "ICO", ".tga": "TGA", ".eps": "EPS",
    ".ai": "EPS", ".dcm": "DICOM", ".exr": "OpenEXR", ".hdr": "Radiance", ".xcf": "XCF",
    ".nii": "NIfTI", ".dds": "DDS", ".emf": "EMF", ".wmf": "WMF", ".pcx": "PCX", ".pdf": "PDF",
    ".fits": "FITS", ".cdr": "CDR",
}  # fmt: skip
_BRANDS = {
    b"avif": "AVIF", b"avis": "AVIF", b"crx ": "a camera's RAW", b"heic": "HEIC", b"heix": "HEIC",
    b"hevc": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC",
}  # fmt: skip
_HEADS = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF",
    b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "TIFF", b"MM\0+": "TIFF",
}  # fmt: skip
_UNREAD_HEADS = {
    b"8BPS": "PSD", b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000", b"\0\0\1\0": "ICO",
    b"%PDF": "PDF", b"\x76\x2f\x31\x01": "OpenEXR", b"#?RADIANCE": "Radiance",
    b"gimp xcf": "XCF", b"FUJIFILMCCD-RAW": "a camera's RAW", b"IIU\0": "a camera's RAW",
    b"IIRO": "a camera's RAW", b"IIRS": "a camera's RAW", b"DDS ": "DDS", b"SIMPLE  =": "FITS",
}  # fmt: skip
# What lies beside images so often that its content need not be looked at.
_OTHER = frozenset((
    ".7z", ".avi", ".bak", ".cfg", ".csv", ".crdownload", ".db", ".doc", ".docx", ".gz", ".h5",
    ".htm", ".html", ".ini", ".ipynb", ".json", ".jsonl", ".log", ".lnk", ".mat", ".md", ".mov",
    ".mp3", ".mp4", ".npy", ".npz", ".old", ".orig", ".part", ".parquet", ".pkl", ".pt", ".pth",
    ".ptx", ".py", ".rar", ".safetensors", ".tar", ".tgz", ".tmp", ".toml", ".tsv", ".txt",
    ".url", ".wav", ".xls", ".xlsx", ".xml", ".xmp", ".yaml", ".yml", ".zip",
))  # fmt: skip


def readable_format(head: bytes) -> str:
    """The format of an image that can be read, by what its file begins with; "" for another.

    Example:
        >>> readable_format(b"GIF89a..."), readable_format(b"hello")
        ('GIF', '')
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 108, 124):
        return "BMP"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in (b" ", b"\n", b"\r", b"\t"):
        return "PPM"
    if unread_format(head):
        return ""
    return next((name for magic, name in _HEADS.items() if head.startswith(magic)), "")


def unread_format(head: bytes) -> str:
    """The format of an image that cannot be read, by what its file begins with; "" for another."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "")
    if head[:4] == b"II*\0" and head[8:10] == b"CR":
        return "a camera's RAW"
    if head[128:132] == b"DICM":
        return "DICOM"
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--")) and b"<svg" in text):
        return "SVG"
    return next((name for magic, name in _UNREAD_HEADS.items() if head.startswith(magic)), "")


def why_left_out(name: str, head: bytes | None) -> tuple[str, str] | None:
    """Why a file is not among the images: a kind of finding and a reason; None for an image.

    Args:
        name: The file's name.
        head: What it begins with; None before anything was read. Then the answer is
            ("unknown", "") where it depends on that.
    """
    ending = PurePosixPath(name).suffix.lower()
    if ending in ENDINGS:
        return None
    named = "a camera's RAW" if ending in _RAW else _UNREAD.get(ending, "")
    if named:
        return "unread format", _convert(named)
    if ending in _OTHER or name.endswith("~"):
        return "other file", f"ends in {ending}" if ending in _OTHER else "a copy kept aside"
    if head is None:
        return "unknown", ""
    if readable_format(head):
        return None
    found = unread_format(head)
    if found:
        return "unread format", _convert(found)
    return "other file", f"ends in {ending}" if ending else "its name has no ending"


def _convert(name: str) -> str:
    return f"{name}, which is not read; convert it to JPEG or PNG"
