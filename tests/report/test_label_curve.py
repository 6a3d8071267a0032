import pytest

from gnnvision.report.label_curve import draw_label_curve, label_section, label_table

from .rows import rows_of

SCORES = {"from scratch": {50: [1.0, 2.0], 100: [1.0]}, "whole network": {50: [0.5, 0.7]}}


def test_every_value_is_beside_the_picture(tmp_path):
    picture = draw_label_curve(tmp_path / "labels.png", SCORES, "RMSE in log mol/L", 2.1)
    assert picture.path.stat().st_size > 10_000
    assert "from scratch 50: 1.50, 100: 1.00; whole network 50: 0.60" in picture.alt
    rows = rows_of(picture.path)
    assert [float(row["value"]) for row in rows] == pytest.approx([1.0, 2.0, 1.0, 0.5, 0.7])
    assert [row["labels"] for row in rows] == ["50", "50", "100", "50", "50"]


def test_a_row_for_each_way():
    table = label_table(SCORES)
    assert table.head == ("Way", "50 labels", "100 labels")
    assert table.rows[0] == ("from scratch", "1.500 ± 0.707", "1.000")
    assert table.rows[1] == ("whole network", "0.600 ± 0.141", "none")


def test_the_section_says_which_way_errs_least(tmp_path):
    section = label_section(tmp_path / "figures" / "labels.png", SCORES, "RMSE", 2.1, "5 seeds")
    assert section.lead == (
        "The way with the lowest test error is, with 50 labels whole network (0.60; from scratch "
        "1.50), with 100 labels from scratch (1.00)."
    )
    assert section.note == "5 seeds"
    assert section.figures[0].path.is_file()
