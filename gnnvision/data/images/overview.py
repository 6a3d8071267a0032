"""Descriptions of the images of a task, and warnings about them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gnnvision.data.images.scan_report import EXCLUDED, INVALID, Finding, ScanReport

__all__ = ["describe_images", "describe_rows", "describe_scan", "leak_warnings", "values_text"]

_MOST_VALUES = 3


def describe_images(channels: int, size: tuple[int, int], scan: ScanReport | None) -> str:
    """Channels, size and original size of the images, as text."""
    color = {1: "grayscale", 3: "color"}.get(channels, f"{channels} channels")
    words = f"{color}, {size[0]} x {size[1]} pixels (height x width)"
    if scan is None or not scan.sizes or scan.sizes[0] == scan.sizes[-1] == size:
        return words
    (low, narrow), (high, wide) = scan.sizes[0], scan.sizes[-1]
    original = f"{low} x {narrow}"
    if scan.sizes[0] != scan.sizes[-1]:
        original += f" to {high} x {wide}"
    return f"{words}, resized and center-cropped from {original}"


def describe_scan(scan: ScanReport | None) -> dict[str, str]:
    """Excluded and converted files, similar class names and assumptions; empty entries omitted."""
    if scan is None:
        return {}
    entries = {
        "excluded": _list_findings(scan, [*INVALID, "no class", *EXCLUDED]),
        "converted": _count_by_kind(scan.converted),
        "notes": _list_findings(scan, ["similar classes"]),
        "assumptions": "; ".join(scan.assumed),
    }
    return {name: text for name, text in entries.items() if text}


def describe_rows(reasons: Mapping[int, str]) -> dict[str, str]:
    """The rows of a table that are in no split, with the first few reasons; empty for none."""
    if not reasons:
        return {}
    shown = "; ".join(f"row {row}: {why}" for row, why in list(reasons.items())[:3])
    more = f"; and {len(reasons) - 3:,} more" if len(reasons) > 3 else ""
    return {"not used": f"{len(reasons):,} rows are in no split ({shown}{more})"}


def values_text(kind: str, values: Mapping[str, float]) -> str:
    """Positive labels (above 0.5), or values with their names; NaN is omitted."""
    known = {name: value for name, value in values.items() if not math.isnan(value)}
    if not known:
        return "unlabeled"
    if kind == "multilabel":
        return ", ".join(name for name, value in known.items() if value > 0.5) or "no label"
    if len(values) == 1:
        return f"{next(iter(known.values())):.4g}"
    shown = [f"{name} {value:.4g}" for name, value in list(known.items())[:_MOST_VALUES]]
    return ", ".join(shown) + (", …" if len(known) > _MOST_VALUES else "")


def leak_warnings(scan: ScanReport | None) -> list[str]:
    """A warning about images that occur in two splits, if there are any."""
    found = () if scan is None else scan.of("in two splits")
    if not found:
        return []
    number = len({finding.path for finding in found})
    some = f"{number:,} images have" if number > 1 else "1 image has"
    return [
        f"{some} the same pixels as an image in another split (e.g. {found[0].path!r}, "
        f"{found[0].reason}). This data leakage inflates the metrics: remove the duplicates."
    ]


def _list_findings(scan: ScanReport, kinds: Sequence[str]) -> str:
    """The number of findings of each kind, with the first file and its reason."""
    words = []
    for kind in kinds:
        found = scan.of(kind)
        if found:
            reason = found[0].reason or (INVALID | EXCLUDED).get(kind, "")
            why = f": {reason}" if reason else ""
            words.append(f"{len(found):,} {kind} ({found[0].path!r}{why})")
    return "; ".join(words)


def _count_by_kind(found: Sequence[Finding]) -> str:
    counts: dict[str, int] = {}
    for finding in found:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
