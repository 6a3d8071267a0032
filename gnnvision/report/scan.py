"""What was found when the files were read."""

from __future__ import annotations

from gnnvision.data import ScanReport
from gnnvision.data.images.scan_report import CONVERTED, EXCLUDED, INVALID, NOTED
from gnnvision.report.parts import Run, Section, Table
from gnnvision.report.words import plural

__all__ = ["scan"]


def scan(run: Run) -> Section | None:
    """The section of the files; None where nothing was found, or nothing was scanned."""
    report = run.images.scan
    if report is None or not (report.findings or report.assumed):
        return None
    excluded = len({f.path for f in report.excluded if f.kind != "system file"})
    converted = len({finding.path for finding in report.converted})
    lead = f"Of {plural(report.num_files, 'file')}, {report.num_valid:,} could be used. "
    lead += f"Excluded: {excluded:,}. Converted: {converted:,}."
    if report.leaks:
        lead += (
            f" Mind that {plural(len(report.leaks), 'picture')} of one class or part can be found "
            "in another as well."
        )
    note = "Nothing was moved or deleted. What is left out neither trains nor is tested on."
    if report.assumed:
        note += f" Assumed: {'; '.join(report.assumed)}."
    return Section("The files", lead, (), [_table(report)], note, wide=True)


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
    return Table(("What was done", "Finding", "What it means", "First file", "Files"), rows, 4)
