"""The section of problems that were found when the files of images were read."""

from __future__ import annotations

from gnnvision.data import ScanReport
from gnnvision.data.images.scan_report import CONVERTED, EXCLUDED, INVALID, NOTED
from gnnvision.report.parts import Run, Section, Table
from gnnvision.report.words import plural

__all__ = ["scan"]


def scan(run: Run) -> Section | None:
    """The section of the files; None if nothing was found or scanned."""
    report = run.images.scan
    if report is None or not (report.findings or report.assumed):
        return None
    excluded = len({f.path for f in report.excluded if f.kind != "system file"})
    converted = len({finding.path for finding in report.converted})
    lead = f"Of {plural(report.num_files, 'file')}, {report.num_valid:,} could be used. "
    lead += f"Excluded: {excluded:,}. Converted: {converted:,}."
    if report.leaks:
        lead += (
            f" Note that {plural(len(report.leaks), 'image')} of one class or split also "
            f"{'occurs' if len(report.leaks) == 1 else 'occur'} in another."
        )
    note = "No file was moved or deleted. Excluded files are in no split."
    if report.assumed:
        note += f" Assumed: {'; '.join(report.assumed)}."
    return Section("Image files", lead, (), [_table(report)], note, wide=True)


def _table(report: ScanReport) -> Table:
    rows = []
    excluded = INVALID | EXCLUDED
    for word, kinds in (("excluded", excluded), ("converted", CONVERTED), ("noted", NOTED)):
        for kind, meaning in kinds.items():
            found = report.of(kind)
            if found:
                first = found[0]
                why = first.reason or meaning
                rows.append((word, kind, why, first.path, f"{len(found):,}"))
    return Table(("Action", "Finding", "Meaning", "First file", "Files"), rows, 4)
