"""Tables as spreadsheets and chemists' programs leave them."""

import gzip
import time

import pytest

from gnnvision.data import load
from gnnvision.data.table import parse_table

ROWS = (("CCO", "1"), ("CC", "2"))


def parsed(text, name="x.csv"):
    return parse_table(text.encode(), name)


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "\nsep=;"])
def test_a_line_that_names_the_delimiter_is_no_header(line):
    table = parsed(f"{line}\nsmiles;y\nCCO;1\nCC;2\n")
    assert (table.columns, table.rows, table.delimiter) == (("smiles", "y"), ROWS, ";")
    assert "names the delimiter" in table.notes[0]
    broken = parsed(f"{line}\nsmiles;y\nCCO;1;3\n")
    assert broken.problems[0].startswith(f"line {3 + line.count(chr(10))} has 3 cells")


@pytest.mark.parametrize("title", ["Solubility 2020", "Solubility 2020,,", "My lab\n\nSolubility"])
def test_titles_above_the_header_are_not_read(title):
    table = parsed(f"{title}\nsmiles,y\nCCO,1\nCC,2\n")
    assert (table.columns, table.rows) == (("smiles", "y"), ROWS)
    assert "above the header" in table.notes[0]


def test_trailing_delimiters_hold_nothing():
    table = parsed("smiles,y\nCCO,1,\nCC,2,,\n")
    assert (table.rows, table.problems) == (ROWS, {})
    assert table.notes == ("2 rows have empty cells beyond the header; they are ignored",)
    assert parsed("smiles,y\nCCO,1,x\n").problems


def test_smi_files_have_a_molecule_and_a_name_a_line():
    table = parsed("CCO ethanol\nCC\tethane gas\n\nC\nCF |o1:0| x\n", "x.smi")
    assert table.columns == ("smiles", "name")
    assert table.rows == (
        ("CCO", "ethanol"), ("CC", "ethane gas"), ("C", ""), ("CF |o1:0| x", "")
    )  # fmt: skip
    assert parsed("SMILES Name\nCCO ethanol\n", "x.smi").rows == (("CCO", "ethanol"),)


def test_tables_called_txt_are_read_and_others_get_advice(tmp_path):
    text = "\n".join(["smiles,y", *(f"{'C' * (n + 1)},{n / 8}" for n in range(20))])
    (tmp_path / "t.txt").write_text(text)
    assert load(tmp_path / "t.txt", targets="y").kind == "regression"
    for name in ("t.xlsx", "t.ods", "t.parquet", "t.json", "t.csv.zip"):
        (tmp_path / name).write_bytes(b"PK\3\4")
        with pytest.raises(ValueError, match=r"must be a text table .*Export it as 'CSV UTF-8'"):
            load(tmp_path / name, targets="y")
    with pytest.raises(ValueError, match=r"a workbook or a zip archive. Export it as 'CSV UTF-8'"):
        parse_table(b"PK\3\4rest", "t.csv")


def test_a_quote_in_the_header_takes_no_longer_with_more_rows():
    started = time.perf_counter()
    table = parse_table(b'smiles,length 5"\n' + b"CCO,1\n" * 100_000, "x")
    assert time.perf_counter() - started < 5  # it took minutes
    assert (table.columns, len(table.rows)) == (("smiles", 'length 5"'), 100_000)


def rows(cells, mark=";"):
    """A table with one target."""
    molecules = ("C" * (n + 1) for n in range(len(cells)))
    return "\n".join([f"smiles{mark}y", *map(mark.join, zip(molecules, cells, strict=True))])


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_decimal_commas_are_read_where_they_can_be_nothing_else(tmp_path, mark):
    cells = ["-1,25", "3", "0,125", "1,234", "", "2,5e-3", "\u22124,0", "n/a", "7,1", "8,2"]
    (tmp_path / "t.csv").write_text(rows(cells, mark))
    task = load(tmp_path / "t.csv", targets="y", on_invalid="skip")
    values = task.y.flatten()
    assert values[~values.isnan()].double().numpy() == pytest.approx(
        [-1.25, 3, 0.125, 1.234, 0.0025, -4, 7.1, 8.2]
    )
    assert task.overview()["interpreted as"] == "'y': commas are decimal commas"


@pytest.mark.parametrize(
    ("cells", "kind"),
    [(["1,234", "5,678", "9,876"], "auto"), (["1,5", "2,5", "3.5", "4,5"], "auto")],
)
def test_commas_that_may_be_marks_of_thousands_are_refused(tmp_path, cells, kind):
    (tmp_path / "t.csv").write_text(rows(cells * 5))
    advice = "must contain numbers with a decimal point, got '1,.*Export the table with decimal"
    with pytest.raises(ValueError, match=advice):
        load(tmp_path / "t.csv", targets="y", kind=kind)


def test_commas_in_names_of_classes_stay(tmp_path):
    (tmp_path / "t.csv").write_text(rows(["1,2", "1,3"] * 6))
    task = load(tmp_path / "t.csv", targets="y", kind="classification")
    assert task.class_names == ("1,2", "1,3")


def test_whole_numbers_with_commas_are_both_noted(tmp_path):
    (tmp_path / "t.csv").write_text(rows(["2,0", "3,0", "5,0"] * 5))
    text = load(tmp_path / "t.csv", targets="y").overview()["interpreted as"]
    assert text.startswith("'y': commas are decimal commas; whole numbers 2, 3, 5, read as")


def test_what_an_overview_says_of_a_table(tmp_path):
    text = "smiles,용해도,분류\nCCO,1.5,좋음\nOCC,2.5,나쁨\nC1CC,1.0,나쁨\n"
    text += "".join(f"{'C' * n},{n}.5,좋음\n" for n in range(1, 20))
    (tmp_path / "t.csv").write_bytes(text.encode("cp949"))
    known = load(tmp_path / "t.csv", targets="용해도", on_invalid="skip").overview()
    assert known["columns"] == "SMILES in 'smiles', targets: '용해도', not used: '분류'"
    form = "22 rows, 3 columns, comma as delimiter, cp949; not UTF-8; decoded as cp949, e.g."
    assert known["table"].startswith(f"{form} '용해도', '분류', '좋음'")
    assert known["excluded"].startswith("1 of 22 rows: 1 (")
    assert known["duplicates"].startswith("1 of 21 rows repeats another molecule; ")


@pytest.mark.parametrize(
    "title", ["# made by X", "# a\n# b, c\n", "# dose, 5, mg\n#\n#, x, y", '# 3 "quoted, words"']
)
def test_comments_above_the_header_are_not_read(title):
    table = parsed(f"{title}\nsmiles,y\nCCO,1\nCC,2\n")
    assert (table.columns, table.rows) == (("smiles", "y"), ROWS)
    assert "above the header" in table.notes[0]
    # A header that begins with the same mark is one.
    assert parsed("#smiles,y\nCCO,1\n").columns == ("#smiles", "y")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html><html>", "a web page"), (b"\xef\xbb\xbf <?xml version='1.0'?>", "XML"),
        (b"PAR1\x15\x04", "a Parquet file"), (b"%PDF-1.4\n%\xe2", "a PDF file"),
        (b'[{"smiles": "CCO"}]', "JSON"), (b'{"smiles": ["CCO"]}', "JSON"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
        (gzip.compress(b"PK\x03\x04...", mtime=0), "a workbook or a zip"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"{\\rtf1 smiles,y}", "RTF"),
    ],
)  # fmt: skip
def test_what_only_ends_in_csv_is_named(content, what):
    with pytest.raises(ValueError, match=f"'csv' must be a text table, got 'x.csv', .*{what}"):
        parse_table(content, "x.csv")


def test_a_missing_header_is_said():
    with pytest.raises(ValueError, match=r"columns 'CCO', '1', .* If the first line is data, add"):
        parsed("CCO,1\nCC,2\n").smiles_column()
