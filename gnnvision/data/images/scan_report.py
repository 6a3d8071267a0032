"""The report of a scan of image files: invalid files, conversions, duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gnnvision._renamed import former_attributes

__all__ = ["CONVERTED", "EXCLUDED", "INVALID", "NOTED", "Finding", "ScanReport"]

INVALID = {
    "empty file": "a file of zero bytes",
    "not an image": "the content has no known image format",
    "unreadable": "cannot be opened",
    "truncated": "the file ends early",
    "broken": "cannot be decoded",
    "oversized": "more pixels or bytes than the limit; not decoded",
    "tiny": "one pixel high or wide",
    "unsupported": "not an 8-bit or 16-bit grayscale or color image",
}
CONVERTED = {
    "several images": "the first is used",
    "CMYK": "converted to RGB",
    "16-bit": "scaled to 8 bits",
    "palette": "converted to RGB",
    "alpha": "placed on white",
    "rotated": "rotated by its EXIF orientation",
    "animated": "the first frame is used",
}
NOTED = {
    "wrong extension": "readable, but the extension is of another format",
    "duplicate": "the same pixels as another image of its class and split",
    "in two classes": "the same pixels as an image of another class",
    "in two splits": "the same pixels as an image of another split (data leakage)",
    "no class": "outside the class folders; excluded",
    "ambiguous folders": "may be splits or classes",
    "similar classes": "two names that are easily confused",
    "empty class": "a class folder without images",
    "single class": "classification needs two classes",
}


EXCLUDED = {
    "unsupported format": "an image in an unsupported format",
    "other file": "not an image by name and content",
    "system file": "created by an operating system or a program",
    "special file": "a pipe, a socket or a device",
    "linked folder": "a link to a folder that contains it",
}
_RENAMED = {  # kinds in caches of version 0.1
    "doubtful folders": "ambiguous folders",
    "in two parts": "in two splits",
    "unread format": "unsupported format",
}


@dataclass(frozen=True)
class Finding:
    """One finding about one file.

    Args:
        path: The path of the file relative to the dataset.
        kind: One of the kinds in `INVALID`, `CONVERTED`, `NOTED` or `EXCLUDED`.
        reason: The details, as text.
    """

    path: str
    kind: str
    reason: str = ""


@former_attributes({"left_out": "excluded"})
@dataclass(frozen=True)
class ScanReport:
    """All findings of a scan.

    Args:
        source: The folder or archive.
        num_files: The number of files, without system files.
        num_valid: The number of valid images.
        sizes: The smallest and the largest (height, width) of the valid images.
        findings: The findings in the order of the files.
        assumed: Assumptions about file names, as sentences.

    Example:
        >>> report = ScanReport("cats", 3, 2, findings=(Finding("a/1.jpg", "truncated"),))
        >>> report.counts, report.is_valid
        ({'truncated': 1}, False)
    """

    source: str
    num_files: int
    num_valid: int
    sizes: tuple[tuple[int, int], ...] = ()
    findings: tuple[Finding, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """The number of findings of each kind, the most frequent first."""
        return dict(Counter(finding.kind for finding in self.findings).most_common())

    def of(self, *kinds: str) -> tuple[Finding, ...]:
        """The findings of these kinds."""
        return tuple(finding for finding in self.findings if finding.kind in kinds)

    @property
    def invalid(self) -> tuple[Finding, ...]:
        """The files that cannot be decoded."""
        return self.of(*INVALID)

    @property
    def excluded(self) -> tuple[Finding, ...]:
        """The files that are not used: invalid, outside the class folders, or not images."""
        return self.of(*INVALID, "no class", *EXCLUDED)

    @property
    def converted(self) -> tuple[Finding, ...]:
        """The conversions to 8-bit grayscale or RGB; a file can have several."""
        return self.of(*CONVERTED)

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The images that occur in two classes or in two splits."""
        return self.of("in two classes", "in two splits")

    @property
    def is_valid(self) -> bool:
        """Whether all image files can be used."""
        return not self.of(*INVALID, "unsupported format")

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON types, for `from_dict`."""
        return {
            "source": self.source,
            "num_files": self.num_files,
            "num_valid": self.num_valid,
            "sizes": [list(size) for size in self.sizes],
            "findings": [[f.path, f.kind, f.reason] for f in self.findings],
            "assumed": list(self.assumed),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The report from the result of `to_dict`, in this version or an earlier one."""
        return cls(
            source=str(values["source"]),
            num_files=int(values["num_files"]),
            num_valid=int(values["num_valid"]),
            sizes=tuple((int(height), int(width)) for height, width in values["sizes"]),
            findings=tuple(
                Finding(str(path), _RENAMED.get(kind, str(kind)), str(reason))
                for path, kind, reason in values["findings"]
            ),
            assumed=tuple(map(str, values.get("assumed", ()))),
        )

    def __str__(self) -> str:
        what = "files" if self.of("other file") else "images"
        lines = [f"{self.source}: {self.num_valid} of {self.num_files} {what} are valid"]
        if self.sizes:
            (h, w), (tall, wide) = self.sizes[0], self.sizes[-1]
            span = f"{h} x {w}" if (h, w) == (tall, wide) else f"{h} x {w} to {tall} x {wide}"
            lines[0] += f", {span} pixels (height x width)"
        meaning = INVALID | CONVERTED | NOTED | EXCLUDED
        for kind, count in self.counts.items():
            first = next(finding for finding in self.findings if finding.kind == kind)
            mark = "!" if kind in INVALID else "-" if kind in EXCLUDED else " "
            reason = first.reason or meaning.get(kind, "")
            lines.append(f"{mark} {count:6d}  {kind:<18} {first.path}: {reason}")
        lines += [f"  assumed: {note}" for note in self.assumed]
        return "\n".join(lines)
