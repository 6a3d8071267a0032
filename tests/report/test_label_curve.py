import pytest

from gnnvision.report.label_curve import draw_label_curve, label_section, label_table

from .rows import rows_of

SCORES = {"from scratch": {50: [1.0, 2.0], 100: [1.0]}, "whole network": {50: [0.5, 0.7]}}


def test_a_csv_has_every_value(tmp_path):
    figure = draw_label_curve(tmp_path / "labels.svg", SCORES, "RMSE in log mol/L", 2.1)
    assert figure.path.stat().st_size > 10_000
    assert "from scratch 50: 1.50, 100: 1.00; whole network 50: 0.60" in figure.alt
    rows = rows_of(figure.path)
    assert [float(row["value"]) for row in rows] == pytest.approx([1.0, 2.0, 1.0, 0.5, 0.7])
    assert [row["labels"] for row in rows] == ["50", "50", "100", "50", "50"]


def test_a_row_for_each_method():
    table = label_table(SCORES)
    assert table.head == ("Method", "50 labels", "100 labels")
    assert table.rows[0] == ("from scratch", "1.500 ± 0.707", "1.000")
    assert table.rows[1] == ("whole network", "0.600 ± 0.141", "none")


def test_the_section_says_the_method_with_the_lowest_error(tmp_path):
    path = tmp_path / "figures" / "labels.svg"
    section = label_section(path, SCORES, "RMSE", 2.1, "5 seeds")
    assert section.lead == (
        "Lowest test error: with 50 labels “whole network” (0.60; “from scratch” 1.50), with 100 "
        "labels “from scratch” (1.00)."
    )
    assert section.note == "5 seeds"
    assert section.figures[0].path.is_file()
