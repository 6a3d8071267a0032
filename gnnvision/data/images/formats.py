"""Recognition of image files by extension and magic bytes."""

from __future__ import annotations

from pathlib import PurePosixPath

__all__ = ["ENDINGS", "HEAD_BYTES", "exclusion_reason", "supported_format", "unsupported_format"]

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
_UNSUPPORTED = {
    ".heic": "HEIC", ".heif": "HEIC", ".hif": "HEIC", ".avif": "AVIF", ".svg": "SVG",
    ".svgz": "SVG", ".psd": "PSD", ".psb": "PSD", ".jp2": "JPEG 2000", ".j2k": "JPEG 2000",
    ".jpx": "JPEG 2000", ".jxl": "JPEG XL", ".ico": "ICO", ".tga": "TGA", ".eps": "EPS",
    ".ai": "EPS", ".dcm": "DICOM", ".exr": "OpenEXR", ".hdr": "Radiance", ".xcf": "XCF",
    ".nii": "NIfTI", ".dds": "DDS", ".emf": "EMF", ".wmf": "WMF", ".pcx": "PCX", ".pdf": "PDF",
    ".fits": "FITS", ".cdr": "CDR",
}  # fmt: skip
_BRANDS = {
    b"avif": "AVIF", b"avis": "AVIF", b"crx ": "camera RAW", b"heic": "HEIC", b"heix": "HEIC",
    b"hevc": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC",
}  # fmt: skip
_HEADS = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF",
    b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "TIFF", b"MM\0+": "TIFF",
}  # fmt: skip
_UNSUPPORTED_HEADS = {
    b"8BPS": "PSD", b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000", b"\0\0\1\0": "ICO",
    b"%PDF": "PDF", b"\x76\x2f\x31\x01": "OpenEXR", b"#?RADIANCE": "Radiance",
    b"gimp xcf": "XCF", b"FUJIFILMCCD-RAW": "camera RAW", b"IIU\0": "camera RAW",
    b"IIRO": "camera RAW", b"IIRS": "camera RAW", b"DDS ": "DDS", b"SIMPLE  =": "FITS",
}  # fmt: skip
# Common files next to images, whose content need not be read.
_OTHER = frozenset((
    ".7z", ".avi", ".bak", ".cfg", ".csv", ".crdownload", ".db", ".doc", ".docx", ".gz", ".h5",
    ".htm", ".html", ".ini", ".ipynb", ".json", ".jsonl", ".log", ".lnk", ".mat", ".md", ".mov",
    ".mp3", ".mp4", ".npy", ".npz", ".old", ".orig", ".part", ".parquet", ".pkl", ".pt", ".pth",
    ".ptx", ".py", ".rar", ".safetensors", ".tar", ".tgz", ".tmp", ".toml", ".tsv", ".txt",
    ".url", ".wav", ".xls", ".xlsx", ".xml", ".xmp", ".yaml", ".yml", ".zip",
))  # fmt: skip


def supported_format(head: bytes) -> str:
    """The supported image format of a file by its first bytes; "" if there is none.

    Example:
        >>> supported_format(b"GIF89a..."), supported_format(b"hello")
        ('GIF', '')
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 108, 124):
        return "BMP"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in (b" ", b"\n", b"\r", b"\t"):
        return "PPM"
    if unsupported_format(head):
        return ""
    return next((name for magic, name in _HEADS.items() if head.startswith(magic)), "")


def unsupported_format(head: bytes) -> str:
    """The unsupported image format of a file by its first bytes; "" if there is none."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "")
    if head[:4] == b"II*\0" and head[8:10] == b"CR":
        return "camera RAW"
    if head[128:132] == b"DICM":
        return "DICOM"
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--")) and b"<svg" in text):
        return "SVG"
    return next((name for magic, name in _UNSUPPORTED_HEADS.items() if head.startswith(magic)), "")


def exclusion_reason(name: str, head: bytes | None) -> tuple[str, str] | None:
    """Why a file is not an image: the kind of finding and the reason; None for an image.

    Args:
        name: The name of the file.
        head: The first bytes; None if they were not read. Then the result is ("unknown", "")
            if it depends on them.
    """
    ending = PurePosixPath(name).suffix.lower()
    if ending in ENDINGS:
        return None
    named = "camera RAW" if ending in _RAW else _UNSUPPORTED.get(ending, "")
    if named:
        return "unsupported format", _convert(named)
    if ending in _OTHER or name.endswith("~"):
        return "other file", f"extension {ending}" if ending in _OTHER else "a backup copy"
    if head is None:
        return "unknown", ""
    if supported_format(head):
        return None
    found = unsupported_format(head)
    if found:
        return "unsupported format", _convert(found)
    return "other file", f"extension {ending}" if ending else "no extension"


def _convert(name: str) -> str:
    return f"{name} is not supported; convert it to JPEG or PNG"
