"""Tables as spreadsheets and chemists' programs leave them."""

import time

import pytest

from gnnvision.data import load
from gnnvision.data.molecules.table import parse_table

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
    assert table.notes == ("2 rows end in more ',' than the header, all empty",)
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
        with pytest.raises(ValueError, match=r"must be a table as text .*Save it as 'CSV UTF-8'"):
            load(tmp_path / name, targets="y")
    with pytest.raises(ValueError, match=r"a workbook or a zip archive. Save it as 'CSV UTF-8'"):
        parse_table(b"PK\3\4rest", "t.csv")


def test_a_quote_in_the_header_takes_no_longer_with_more_rows():
    started = time.perf_counter()
    table = parse_table(b'smiles,length 5"\n' + b"CCO,1\n" * 100_000, "x")
    assert time.perf_counter() - started < 5  # it took minutes
    assert (table.columns, len(table.rows)) == (("smiles", 'length 5"'), 100_000)
