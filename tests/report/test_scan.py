from dataclasses import replace

from gnnvision.data import Finding, ScanReport
from gnnvision.report.parts import Run
from gnnvision.report.scan import scan

FOUND = (
    Finding("a/1.jpg", "truncated", "ends after 12 bytes"),
    Finding("a/2.jpg", "truncated"),
    Finding("a/3.png", "CMYK"),
    Finding("a/3.png", "rotated"),
    Finding("b/4.png", "in two splits"),
)


def section_of(result, report, tmp_path):
    return scan(Run(replace(result, task=replace(result.task, scan=report)), tmp_path))


def test_what_was_found_is_counted(pictures_run, tmp_path):
    section = section_of(pictures_run, ScanReport("bars", 122, 120, findings=FOUND), tmp_path)
    assert "Of 122 files, 120 could be used. Excluded: 2. Converted: 1." in section.lead
    assert "of one class or split also occurs in another" in section.lead
    rows = {row[1]: row for row in section.tables[0].rows}
    assert rows["truncated"] == ("excluded", "truncated", "ends after 12 bytes", "a/1.jpg", "2")
    assert rows["CMYK"][0] == "converted"
    assert rows["in two splits"][0] == "noted"


def test_nothing_found_is_nothing_said(pictures_run, tmp_path):
    assert section_of(pictures_run, ScanReport("bars", 120, 120), tmp_path) is None
    assert section_of(pictures_run, None, tmp_path) is None
