import json

from gnnvision.data import Finding, ScanReport

REPORT = ScanReport(
    source="cats",
    num_files=5,
    num_valid=3,
    sizes=((2, 3), (40, 50)),
    findings=(
        Finding("a/1.jpg", "truncated", "3 bytes missing"),
        Finding("a/2.jpg", "CMYK", "converted"),
        Finding("a/3.jpg", "truncated", "9 bytes missing"),
        Finding("b/1.jpg", "in two classes", "same as a/9.jpg"),
    ),
)


def test_counts_and_kinds():
    assert REPORT.counts == {"truncated": 2, "CMYK": 1, "in two classes": 1}
    assert [f.path for f in REPORT.invalid] == ["a/1.jpg", "a/3.jpg"]
    assert [f.path for f in REPORT.converted] == ["a/2.jpg"]
    assert [f.path for f in REPORT.leaks] == ["b/1.jpg"]
    assert not REPORT.is_valid
    assert ScanReport("x", 1, 1).is_valid


def test_it_goes_through_json():
    assert ScanReport.from_dict(json.loads(json.dumps(REPORT.to_dict()))) == REPORT


def test_as_a_table():
    assert str(REPORT).splitlines() == [
        "cats: 3 of 5 images are valid, 2 x 3 to 40 x 50 pixels (height x width)",
        "!      2  truncated          a/1.jpg: 3 bytes missing",
        "       1  CMYK               a/2.jpg: converted",
        "       1  in two classes     b/1.jpg: same as a/9.jpg",
    ]
