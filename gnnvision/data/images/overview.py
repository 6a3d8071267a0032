"""What the images of a task were understood to be, in words, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence

from gnnvision.data.images.scan_report import INVALID, LEFT_OUT, Finding, ScanReport

__all__ = ["describe_images", "describe_scan", "leak_warnings"]


def describe_images(channels: int, size: tuple[int, int], scan: ScanReport | None) -> str:
    """Channels and size of the images, and what size they had."""
    color = {1: "gray", 3: "color"}.get(channels, f"{channels} channels")
    words = f"{color}, {size[0]} x {size[1]} pixels (height x width)"
    if scan is None or not scan.sizes or scan.sizes[0] == scan.sizes[-1] == size:
        return words
    (low, narrow), (high, wide) = scan.sizes[0], scan.sizes[-1]
    before = f"{low} x {narrow}"
    if scan.sizes[0] != scan.sizes[-1]:
        before += f" to {high} x {wide}"
    return f"{words}, from {before}: the shorter side is resized and the middle taken"


def describe_scan(scan: ScanReport | None) -> dict[str, str]:
    """What was left out, converted and assumed as the files were read; only what there is."""
    if scan is None:
        return {}
    entries = {
        "left out": _counted(scan, [*INVALID, "no class", *LEFT_OUT]),
        "converted": _kinds(scan.converted),
        "noted": _counted(scan, ["similar classes"]),
        "assumed": "; ".join(scan.assumed),
    }
    return {name: text for name, text in entries.items() if text}


def leak_warnings(scan: ScanReport | None) -> list[str]:
    """A sentence on images that are in two splits of the folders, where there are any."""
    found = () if scan is None else scan.of("in two parts")
    if not found:
        return []
    number = len({finding.path for finding in found})
    some = f"{number:,} images have" if number > 1 else "1 image has"
    return [
        f"{some} the same pixels as one in another split (such as {found[0].path!r}, "
        f"{found[0].reason}): scores there are too good. Remove the copies, unless this is meant."
    ]


def _counted(scan: ScanReport, kinds: Sequence[str]) -> str:
    """The number of files of each kind, with the first one and its reason."""
    words = []
    for kind in kinds:
        found = scan.of(kind)
        if found:
            reason = found[0].reason or (INVALID | LEFT_OUT).get(kind, "")
            why = f": {reason}" if reason else ""
            words.append(f"{len(found):,} {kind} ({found[0].path!r}{why})")
    return "; ".join(words)


def _kinds(found: Sequence[Finding]) -> str:
    counts: dict[str, int] = {}
    for finding in found:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
