import csv
import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnnvision.data import Table, read_table
from gnnvision.data.table import DELIMITERS, parse_table

PLAIN = "smiles,y\nCCO,1\nCC,2\n"


def parsed(text):
    return parse_table(text.encode(), "x.csv")


def written(table, more=None):
    file = io.StringIO(newline="")
    table.write(file, more or {})
    return file.getvalue()


# --- forms that spreadsheets write ------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.rstrip().encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace("\n", "\n\n  \n").encode(),
        b"\n \n" + PLAIN.encode(),
        b'"smiles", y \n"CCO","1"\nCC,"2"',
        gzip.compress(PLAIN.encode(), mtime=0),
        gzip.compress(PLAIN.encode("utf-16"), mtime=0),
        PLAIN.encode("utf-32"),
    ],
    ids=["plain", "no-end", "bom", "utf-16-le", "utf-16-be", "crlf", "cr", "blank-lines",
         "blank-first", "quotes", "gz", "gz-utf-16", "utf-32"],
)  # fmt: skip
def test_the_same_table_in_many_forms(content, tmp_path):
    table = parse_table(content, "x.csv")
    assert (table.columns, table.rows) == (("smiles", "y"), (("CCO", "1"), ("CC", "2")))
    assert table.problems == {}
    (tmp_path / "x.csv").write_bytes(content)
    assert read_table(tmp_path / "x.csv") == table


@pytest.mark.parametrize("mark", DELIMITERS)
def test_what_stands_between_cells_is_found(mark):
    table = parsed(f'a{mark}"b, c; d|e\tf"{mark}g\n1{mark}"2{mark}3"{mark}4\n')
    assert table.delimiter == mark
    assert table.columns == ("a", "b, c; d|e\tf", "g")
    assert table.rows == (("1", f"2{mark}3", "4"),)


def test_quotes_hold_commas_line_breaks_and_quotes():
    table = parsed('smiles,"a\nname",y\nC,"one, ""two""\r\nthree",1\nN,"\n\n",2\n')
    assert table.columns == ("smiles", "a\nname", "y")
    assert table.rows == (("C", 'one, "two"\nthree', "1"), ("N", "\n\n", "2"))


def test_a_semicolon_after_a_line_break_in_the_header():
    assert parsed('"a\nb";c;"d,e"\n1;2;3\n').columns == ("a\nb", "c", "d,e")


def test_a_line_of_empty_cells_is_a_row_and_a_blank_line_is_none():
    table = parsed("a,b\n,\n\n1,2\n , \n   \n")
    assert table.rows == (("", ""), ("1", "2"), (" ", " "))
    assert parsed('a\n1\n""\n2\n').rows == (("1",), ("",), ("2",))


def test_ragged_rows_keep_their_place_and_say_what_is_wrong():
    table = parsed('a,b\n1,2\n"x\ny",3,4\n5\n\n6,7,8,9\n10,11\n')
    assert table.rows == (("1", "2"), ("x\ny", "3"), ("5", ""), ("6", "7"), ("10", "11"))
    assert table.problems == {
        1: "line 3 has 3 cells, but the header has 2: perhaps an unquoted ','",
        2: "line 5 has 1 cells, but the header has 2",
        3: "line 7 has 4 cells, but the header has 2: perhaps an unquoted ','",
    }


# --- columns ----------------------------------------------------------------------------------


def test_columns_by_name():
    table = parsed("smiles,y,y,\nC,1,2,3\n")
    assert table.column("smiles") == ["C"]
    assert table.column("") == ["3"]
    with pytest.raises(
        ValueError,
        match=r"'targets' must name one column, got 'y', which is in the header 2 times",
    ):
        table.column("y", "targets")


@pytest.mark.parametrize(
    ("name", "advice"), [("Smiles", "Did you mean 'smiles'?"), ("zzz", "Choose one.")]
)
def test_a_missing_column_is_named_with_those_that_exist(name, advice):
    with pytest.raises(ValueError, match="one of the columns 'smiles', 'y', got ") as caught:
        parsed(PLAIN).column(name, "smiles")
    assert str(caught.value).endswith(f"got {name!r}. {advice}")


# --- what is no table -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "must have a header and rows, got 'x.csv', which is empty"),
        (b"\n \n", "must have a header and rows"),
        (b"\xef\xbb\xbf", "must have a header and rows"),
        (b",,\n1,2,3\n", "must be a text table, got 'x.csv', which has null bytes"),
        (b"a,b\n1,\0\n", "must be a text table"),
        (PLAIN.encode("utf-16-le"), "must be a text table"),
        (bytes(range(256)), r"must be UTF-8 text, .* at byte 128\).* Save it as 'CSV UTF-8'"),
        (b"smiles,\x81\nC,1", "must be UTF-8 text"),
        (
            gzip.compress(PLAIN.encode() * 99, mtime=0)[:-9],
            "must be complete, got .* cannot be unpacked",
        ),
        (b"\x1f\x8bhello", "must be complete"),
        (gzip.compress(b"\xff\0", mtime=0), "must be UTF-8 text"),
        (b'a,b\n1,2\n3,"4\n5,6\n', "inside the row that starts in line 3 .*quote that is opened"),
        (b'a,b\n1,2\n"3"x,4\n', "inside the row that starts in line 3"),
        (b"a,b\n1," + b"x" * 200_000, r"line 2 \(field larger than field limit"),
    ],
)  # fmt: skip
def test_what_is_no_table(content, fault):
    with pytest.raises(ValueError, match=f"'csv' {fault}" if "must" in fault else fault):
        parse_table(content, "x.csv")


def test_a_folder_a_missing_file_and_a_header_alone(tmp_path):
    with pytest.raises(ValueError, match=r"'csv' must be a file, got the folder .* Name a file"):
        read_table(tmp_path)
    missing = r"'csv' must be a file that exists, .* is empty. Check the spelling"
    with pytest.raises(FileNotFoundError, match=missing):
        read_table(tmp_path / "gone.csv")
    (tmp_path / "gonne.csv").write_text("a\n")
    with pytest.raises(FileNotFoundError, match=r"Did you mean .*gonne\.csv"):
        read_table(tmp_path / "gone.csv")
    assert parsed("a,b\n").rows == ()


# --- writing ----------------------------------------------------------------------------------


def test_written_as_it_was_with_columns_added():
    table = parsed('smiles;y;y;"a;b"\nC;1;"x\ny";\n;;;\nN;2\nO;1;2;3;4\n')
    lines = list(csv.reader(io.StringIO(written(table, {"p": list("abcd")})), delimiter=";"))
    assert lines == [
        ["smiles", "y", "y", "a;b", "p"],
        ["C", "1", "x\ny", "", "a"],
        ["", "", "", "", "b"],
        ["N", "2", "", "", "c"],
        ["O", "1", "2", "3", "d"],
    ]


def test_a_new_column_never_takes_the_name_of_another():
    text = written(Table(("p", "_p"), (("1", "2"),)), {"p": ["3"], "__p": ["4"]})
    assert text == "p,_p,__p,___p\n1,2,3,4\n"


CELLS = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=6)
NAMES = CELLS.map(str.strip).filter(lambda name: name and not name.startswith("\ufeff"))


@st.composite
def tables(draw):
    columns = tuple(draw(st.lists(NAMES, min_size=2, max_size=4)))
    rows = draw(st.lists(st.tuples(*[CELLS] * len(columns)), max_size=5))
    return Table(columns, tuple(rows), draw(st.sampled_from(DELIMITERS)))


@given(tables())
def test_what_is_written_is_read_again(table):
    assert parsed(written(table)) == table


@given(st.lists(CELLS, max_size=6).map(lambda cells: Table(("x",), tuple((c,) for c in cells))))
def test_a_single_column_too(table):
    assert parsed(written(table)) == table


@given(tables())
def test_line_breaks_of_any_kind_are_one(table):
    assert parsed(written(table).replace("\n", "\r\n")) == table


@given(tables(), NAMES)
def test_columns_are_added_behind(table, name):
    more = [str(row) for row in range(len(table.rows))]
    found = parsed(written(table, {name: more}))
    assert tuple(row[:-1] for row in found.rows) == table.rows
    assert [row[-1] for row in found.rows] == more
    assert found.columns[:-1] == table.columns
    assert found.columns[-1].lstrip("_") == name.lstrip("_")
