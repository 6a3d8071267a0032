"""Cells of targets: numbers in every script, what only looks like one, what is missing."""

import pytest
import torch

from gnnvision.data import load
from gnnvision.data.cells import MISSING, missing_matcher, number_problem, parse_number
from gnnvision.data.targets import read_targets


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1.5", 1.5), ("\u22121.5", -1.5), ("\u20132", -2), ("\uff11\uff12\uff0e\uff15", 12.5),
     ("\u0663", 3), ("\u00a05\u2009", 5), ("1e5", 1e5), ("1E-3", 1e-3), ("5.", 5), (".5", 0.5),
     ("+3", 3), ("\ufeff7", 7), ("1e\u22123", 1e-3)],
)  # fmt: skip
def test_numbers_that_can_mean_one_thing_only(cell, value):
    assert parse_number(cell) == value
    assert number_problem(cell) == ""


@pytest.mark.parametrize(
    ("cell", "fault"),
    [("12 nM", "with a unit"), ("12nM", "with a unit"), ("3.4 µM", "with a unit"),
     ("100 mg/L", "with a unit"), ("5%", "percent"), ("5 %", "percent"), ("1.2±0.3", "uncertain"),
     ("1.2 +/- 0.3 nM", "uncertainty"), ("1.5 (0.2)", "uncertainty"), ("<5", "a limit"),
     ("\u2265 10 nM", "a limit"), ("~5", "a limit"), (">1,000", "a limit"), ("1,234", "thousands"),
     ("1 234", "thousands"), ("1.234,5", "decimal comma"), ("0,5", "decimal comma"),
     ("1,234.5", "thousands"), ("1\u00a0234", "thousands"), ("1.5×10\u207b³", "powers of ten"),
     ("1.5x10-3", "powers of ten"), ("$5", "currency"), ("(5.3)", "brackets"),
     ("5 \u20ac", "currency"), ("'3'", "quotes"), ("\u201c3.5\u201d", "quotes"),
     ("2024-01-05", "date"),
     ("05.01.24", "date"), ("1/2", "fraction"), ("\u00bd", "fraction"), ("1:128", "ratio"),
     ("12:30", "time"), ("1.5D+03", "after D"), ("1.5e", "truncated"), ("5-", "trailing sign"),
     ("10^-3", "power of ten"), ("10\u207b\u2076", "power of ten"), ("3*", "footnote mark"),
     ("3\u2020", "footnote mark"), ("?3", "footnote mark"), ("[1, 2]", "a list"),
     ("Ki=5 nM", "a name in front"),
     ("inf", "infinite"), ("-Infinity", "infinite"), ("1e400", "too large")],
)  # fmt: skip
def test_what_looks_like_a_number_and_is_none(cell, fault):
    assert parse_number(cell) is None
    assert fault in number_problem(cell)
    # A whole column of it never becomes classes.
    with pytest.raises(ValueError, match=r"'targets' must contain .*numbers.* got .*'y'"):
        read_targets({"y": [cell, f" {cell}", cell]})
    assert read_targets({"y": [cell, "other"]}, "classification").kind == "classification"


@pytest.mark.parametrize("cell", ["1_0", "0x1f", "2nd", "5HT2A", "3-methyl", "1A", "10-20", "A1"])
def test_names_with_digits_are_words(cell):
    assert (parse_number(cell), number_problem(cell)) == (None, "")
    targets = read_targets({"y": [cell, "zzz", cell, "zzz"]})
    assert targets.names == (cell, "zzz")


@pytest.mark.parametrize("cell", [*MISSING, "#N/A", "N.A.", "#DIV/0!", " #VALUE! ", "\u00a0"])
def test_missing_cells_are_no_class(cell):
    targets = read_targets({"y": ["sweet", cell, "bitter"]})
    assert (targets.names, targets.y.tolist()) == (("bitter", "sweet"), [1, -100, 0])


def test_words_of_ones_own_are_missing():
    targets = read_targets({"y": ["1.5", "-999", "<5", "< 7 nM", "2"]}, missing=("-999", "<*"))
    assert targets.y.flatten().isnan().tolist() == [False, True, True, True, False]
    assert targets.remarks == {}
    assert not missing_matcher(("?*b",))("ab")  # only the star stands for others
    with pytest.raises(
        ValueError, match="'missing' must contain words that occur in 'y', got 'nix'"
    ):
        read_targets({"y": ["1"]}, missing=("nix",))
    with pytest.raises(TypeError, match="'missing' must be a sequence of words, got str"):
        read_targets({"y": ["1"]}, missing="nix")


@pytest.mark.parametrize("word", ["unknown", "Not tested", "n.d.", "TBD", "inconclusive"])
def test_a_doubtful_word_is_asked_about(word):
    columns = {"y": ["sweet", word, "bitter"]}
    fault = (
        f"'missing' must settle whether '{word}' in row 1 of 'y' .*--missing .*--kind classificat"
    )
    with pytest.raises(ValueError, match=fault):
        read_targets(columns)
    assert len(read_targets(columns, missing=(word,)).names) == 2
    assert len(read_targets(columns, "classification").names) == 3


@pytest.mark.parametrize(
    ("yes", "no"),
    [("True", "False"), ("yes", "no"), ("Y", "N"), ("active", "inactive"), ("POS", "NEG")],
)
def test_yes_and_no_are_the_same_in_one_column_and_in_several(yes, no):
    one = read_targets({"a": [yes, no, "", yes.lower()]})
    assert (one.kind, one.names) == ("multilabel", ("a",))
    torch.testing.assert_close(
        one.y, torch.tensor([[1.0], [0], [float("nan")], [1]]), equal_nan=True
    )
    assert one.notes == {"a": f"'{yes.lower()}' is 1, '{no.lower()}' is 0"}
    two = read_targets({"a": [yes, no], "b": ["0", "1"]})
    assert (two.kind, two.y.tolist()) == ("multilabel", [[1, 0], [0, 1]])
    classes = read_targets({"a": [yes, no]}, "classification")
    assert classes.names == tuple(sorted((yes, no)))


def test_numbers_and_words_in_one_column_are_refused():
    with pytest.raises(
        ValueError, match="must contain either numbers or words, got 2 numbers and 'low' in"
    ):
        read_targets({"y": ["1.5", "2.5", "low", "low", "high"]})


def test_two_spellings_of_a_class_are_refused_and_two_encodings_are_one():
    with pytest.raises(ValueError, match="spell each class in one way, got 'Sweet' and 'sweet'"):
        read_targets({"y": ["sweet", "Sweet", "bitter"]})
    composed, decomposed = "\ud559\uc2b5", "\u1112\u1161\u11a8\u1109\u1173\u11b8"
    assert read_targets({"y": [composed, decomposed, "b"]}).names == ("b", composed)


def test_whole_numbers_are_measured_unless_it_is_said(tmp_path):
    rows = [f"{'C' * (n + 1)},{n % 3}" for n in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["smiles,y", *rows]))
    task = load(tmp_path / "t.csv", targets="y")
    assert task.kind == "regression"
    assert "whole numbers 0, 1, 2, read as measured values" in task.overview()["interpreted as"]
    assert "--kind classification" in task.overview()["interpreted as"]
    classes = load(tmp_path / "t.csv", targets="y", kind="classification")
    assert classes.class_names == ("0", "1", "2")


def test_cells_that_are_no_numbers_are_never_left_out_unasked(tmp_path):
    rows = [f"{'C' * (n + 1)},{n / 4}" for n in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["smiles,y", *rows, "C1CC,2", "CCO,<5"]))
    fault = (
        "got other text in 1 rows. row 31: 'y' is '<5', which is not a number.*--missing.*--on-inv"
    )
    with pytest.raises(ValueError, match=fault):
        load(tmp_path / "t.csv", targets="y", on_invalid="molecules")
    settled = load(tmp_path / "t.csv", targets="y", on_invalid="molecules", missing="<*")
    assert list(settled.reasons) == [30, 31]
    overview = settled.overview()
    assert overview["columns"] == "SMILES in 'smiles', targets: 'y'"
    assert overview["excluded"].startswith("2 of 32 rows: 1 (unclosed ring")
    assert (
        load(tmp_path / "t.csv", targets="y", on_invalid="skip").reasons[31].startswith("'y' is")
    )


def test_a_dash_beside_plus_signs_is_a_result():
    """It was missing, as elsewhere: all that was left were the positives."""
    targets = read_targets({"y": ["+", "-", "+", "-", ""]})
    assert targets.kind == "multilabel"
    assert targets.y.flatten().nan_to_num(9).tolist() == [1, 0, 1, 0, 9]
    assert targets.notes == {"y": "'+' is 1, '-' is 0"}
    graded = read_targets({"y": ["+", "++", "-", "+/-"]})
    assert graded.names == ("+", "++", "+/-", "-")
    # As somebody says, or among numbers or words, it means nothing.
    assert read_targets({"y": ["+", "-", "++"]}, missing=("-",)).names == ("+", "++")
    assert read_targets({"y": ["a", "-", "b"]}).y.tolist() == [0, -100, 1]
