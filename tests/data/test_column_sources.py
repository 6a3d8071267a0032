"""Tables as columns, from files, frames and dicts."""

import gzip
import sys

import numpy as np
import pytest

from gnnvision.data.column_sources import is_table_file, read_columns
from gnnvision.data.column_values import to_cells
from gnnvision.data.table import parse_table

TEXT = "id,도시,v\na,서울,1\nb,부산,2\n"


def lists(table):
    return {name: [*to_cells(column)] for name, column in table.items()}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", TEXT.encode()),
        ("a.tsv", TEXT.replace(",", "\t").encode()),
        ("a.txt", TEXT.replace(",", ";").encode("utf-16")),
        ("a.CSV.gz", gzip.compress(TEXT.encode(), mtime=0)),
    ],
)
def test_text_tables(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    table = read_columns(tmp_path / name)
    assert lists(table) == {"id": ["a", "b"], "도시": ["서울", "부산"], "v": ["1", "2"]}
    assert table.num_rows == 2
    assert len(table) == 3
    assert name in table.source
    assert is_table_file(tmp_path / name)


def test_parquet_and_frames_and_dicts(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    big = 2**60 + 1
    frame = pandas.DataFrame({"id": [big, 2], "v": [[1.0, 2.0], [3.0]], "c": ["x", None]})
    frame["n"] = pandas.Series([big, None], dtype="Int64")
    frame.to_parquet(tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress(content, mtime=0))
    (tmp_path / "without ending").write_bytes(content)
    for name in ("a.parquet", "b.parquet.gz", "without ending"):
        table = read_columns(str(tmp_path / name))
        found = lists(table)
        assert found["id"] == [big, 2]
        assert found["n"][0] == big
        assert np.array_equal(found["v"][0], [1, 2])
        assert table.num_rows == 2
    import pyarrow

    assert lists(read_columns(pyarrow.table({"a": [1, 2]}))) == {"a": [1, 2]}
    assert lists(read_columns(frame))["c"][0] == "x"
    assert lists(read_columns({"a": (1, 2)})) == {"a": [1, 2]}
    table = read_columns({"a": [1]})
    assert read_columns(table) is table
    assert lists(read_columns(parse_table(TEXT.encode(), "x")))["id"] == ["a", "b"]


def test_the_index_of_a_frame_is_a_column_unless_it_is_a_count():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"v": [1, 2]}, index=["a", "b"])
    assert lists(read_columns(frame)) == {"index": ["a", "b"], "v": [1, 2]}
    frame.index.name = "paper"
    assert list(read_columns(frame)) == ["paper", "v"]
    assert list(read_columns(frame.reset_index(drop=True))) == ["v"]


def test_a_frame_needs_no_import_of_pandas(monkeypatch):
    class Frame:  # as much of a DataFrame as is read
        columns = ("id",)

        def __getitem__(self, name):
            return np.array([1, 2])

    for name in ("pandas", "pyarrow", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    assert lists(read_columns(Frame())) == {"id": [1, 2]}


def test_parquet_without_pyarrow_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and more")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ImportError, match=r"The Parquet file 'nodes' needs pyarrow.*gnnvision\[parquet\]"
    ):
        read_columns(tmp_path / "a.parquet", "nodes")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"id,id\n1,2\n", "'nodes' must have each column once, got 'id' 2 times"),
        ("a.csv", b"id,v\n1,2,3\n", "'nodes' must have 2 cells in each row.*line 2 has 3 cells"),
        ("a.parquet", b"PAR1 and no more", "'nodes' must be a Parquet file.*cannot be read"),
        ("a.parquet.gz", b"\x1f\x8b broken", "'nodes' must be complete.*cannot be unpacked"),
    ],
)
def test_files_that_are_not_tables_are_refused(tmp_path, name, content, message):
    if "Parquet" in message:
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_columns(tmp_path / name, "nodes")


def test_other_sources_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="'nodes' must be a file that exists"):
        read_columns(tmp_path / "a.csv", "nodes")
    with pytest.raises(ValueError, match="'nodes' must be a file, got the folder"):
        read_columns(tmp_path, "nodes")
    with pytest.raises(TypeError, match="'nodes' must be a path, a DataFrame or a dict"):
        read_columns(3, "nodes")
    with pytest.raises(ValueError, match="same number of rows in all columns, got 1 in 'a' and 2"):
        read_columns({"a": [1], "b": [1, 2]}, "nodes")
    with pytest.raises(TypeError, match="'nodes' must have columns of values, got str"):
        read_columns({"a": "text"}, "nodes")


def test_a_column_that_is_not_in_the_table_is_named():
    table = read_columns({"paper": ["a"], "topic": ["x"]})
    with pytest.raises(
        ValueError, match="'id' must be one of the columns 'paper', 'topic' of a dict"
    ):
        table.require("id", "id")
    with pytest.raises(ValueError, match="Did you mean label='topic'"):
        table.require("topics", "label")
