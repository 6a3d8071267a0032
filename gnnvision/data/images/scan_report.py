"""What a look at every image of a dataset found: broken ones, odd ones, copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["CONVERTED", "INVALID", "LEFT_OUT", "NOTED", "Finding", "ScanReport"]

INVALID = {
    "empty file": "a file of zero bytes",
    "not an image": "the content is of no known image format",
    "unreadable": "cannot be opened",
    "truncated": "the end is missing",
    "broken": "cannot be decoded",
    "oversized": "more pixels or bytes than the limit; not decoded",
    "tiny": "one pixel high or wide",
    "unsupported": "no 8 or 16-bit gray or color image",
}
CONVERTED = {
    "several images": "the first is taken",
    "CMYK": "converted from printing colors",
    "16-bit": "scaled to 8 bits",
    "palette": "colors looked up",
    "alpha": "laid on white",
    "rotated": "turned upright as its EXIF data says",
    "animated": "the first frame is taken",
}
NOTED = {
    "wrong extension": "readable, but not what the name says",
    "duplicate": "the same pixels as another image of its class and part",
    "in two classes": "the same pixels as an image of another class",
    "in two parts": "the same pixels as an image of another part: the test leaks",
    "no class": "lies in no class folder; left out",
    "doubtful folders": "may be splits or classes",
    "similar classes": "two names that are easily taken for one",
    "empty class": "a class folder without an image",
    "single class": "there is nothing to tell apart",
}


LEFT_OUT = {
    "unread format": "an image in a format that is not read",
    "other file": "no image by its name and content",
    "system file": "kept by an operating system or a program",
    "special file": "a pipe, a socket or a device",
    "linked folder": "a link that leads back to a folder above it",
}


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing about one file.

    Args:
        path: The file, below the dataset's folder.
        kind: One of the kinds in `INVALID`, `CONVERTED`, `NOTED` or `LEFT_OUT`.
        reason: What exactly, in words.
    """

    path: str
    kind: str
    reason: str = ""


@dataclass(frozen=True)
class ScanReport:
    """All that was found; an empty one is good news.

    Args:
        source: The folder or archive.
        num_files: All files but those of an operating system.
        num_valid: Images that can be used.
        sizes: The smallest and the largest (height, width) among these.
        findings: In the order of the files.
        assumed: What was assumed about the names of files, in sentences.

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
        """How many findings there are of each kind, the most frequent first."""
        return dict(Counter(finding.kind for finding in self.findings).most_common())

    def of(self, *kinds: str) -> tuple[Finding, ...]:
        """The findings of these kinds."""
        return tuple(finding for finding in self.findings if finding.kind in kinds)

    @property
    def invalid(self) -> tuple[Finding, ...]:
        """The files that cannot be used."""
        return self.of(*INVALID)

    @property
    def left_out(self) -> tuple[Finding, ...]:
        """The files that are not used: invalid, in no class folder, or no readable image."""
        return self.of(*INVALID, "no class", *LEFT_OUT)

    @property
    def converted(self) -> tuple[Finding, ...]:
        """The images that were brought to 8-bit gray or RGB; a file may be here twice."""
        return self.of(*CONVERTED)

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The images that are in two classes or in two parts."""
        return self.of("in two classes", "in two parts")

    @property
    def is_valid(self) -> bool:
        """Whether every image file can be used."""
        return not self.of(*INVALID, "unread format")

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON types; `from_dict` reads it."""
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
        """The report that `to_dict` gave."""
        return cls(
            source=str(values["source"]),
            num_files=int(values["num_files"]),
            num_valid=int(values["num_valid"]),
            sizes=tuple((int(height), int(width)) for height, width in values["sizes"]),
            findings=tuple(Finding(*map(str, finding)) for finding in values["findings"]),
            assumed=tuple(map(str, values.get("assumed", ()))),
        )

    def __str__(self) -> str:
        what = "files" if self.of("other file") else "images"
        lines = [f"{self.source}: {self.num_valid} of {self.num_files} {what} can be used"]
        if self.sizes:
            (h, w), (tall, wide) = self.sizes[0], self.sizes[-1]
            span = f"{h} x {w}" if (h, w) == (tall, wide) else f"{h} x {w} to {tall} x {wide}"
            lines[0] += f", {span} pixels high x wide"
        meaning = INVALID | CONVERTED | NOTED | LEFT_OUT
        for kind, count in self.counts.items():
            first = next(finding for finding in self.findings if finding.kind == kind)
            mark = "!" if kind in INVALID else "-" if kind in LEFT_OUT else " "
            reason = first.reason or meaning.get(kind, "")
            lines.append(f"{mark} {count:6d}  {kind:<16} {first.path}: {reason}")
        lines += [f"  assumed: {note}" for note in self.assumed]
        return "\n".join(lines)
