import gzip
import tracemalloc

import pytest

from gnnvision.data import table_blocks
from gnnvision.data.table import read_table
from gnnvision.data.table_blocks import read_blocks

from .molecules import made

FILES = {
    "plain.csv": made.lines().encode(),
    "semicolons.csv": "sep=;\nsmiles;y\nC;1,5\nCC;2,5\n\nCCC;3,5\n".encode("utf-8-sig"),
    "titles.csv": b"A list of ours\n\nsmiles,y\nC,1\n\nCC,2,,\nCCC,3\n",
    "wide.tsv": "smiles\ty\n".encode("utf-16") + "C\t1\nCC\t\u03b1\n".encode("utf-16")[2:],
    "alone.txt": b"smiles\nC\n\n \nCC\n",
    "packed.csv.gz": gzip.compress(made.lines().encode(), mtime=0),
    "some.smi": b"smiles name\nC one\nCC |x|\n\nCCC\n",
    "legacy.csv": "smiles,이름\nC,메탄\nCC,에탄\n".encode("cp949"),
    "header.csv": b"smiles,y\n",
    "quoted.csv": b'smiles,note\nC,"a\nb, c"\nCC,"d ""e"""\n',
}


@pytest.mark.parametrize("rows", [1, 3, 1000])
@pytest.mark.parametrize("name", FILES)
def test_the_blocks_are_the_table(name, rows, tmp_path):
    (tmp_path / name).write_bytes(FILES[name])
    table = read_table(tmp_path / name)
    blocks = list(read_blocks(tmp_path / name, rows))
    assert [row for block in blocks for row in block.rows] == list(table.rows)
    assert all(len(block.rows) == rows for block in blocks[:-1])
    starts = [rows * n for n in range(len(blocks))]
    pairs = zip(starts, blocks, strict=True)
    problems = {first + row: text for first, b in pairs for row, text in b.problems.items()}
    assert problems == table.problems
    for block in blocks:
        assert (block.columns, block.delimiter) == (table.columns, table.delimiter)
        assert block.encoding == table.encoding
    assert blocks[-1].notes == table.notes


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b",,\n1,2,3\n"),
        ("a.csv", b'smiles,y\nC,1\n"CC,2\n'),
        ("a.csv", b"PK\3\4 a workbook"),
        ("a.csv", b"smiles,y\nC,\0\n"),
        ("a.csv.gz", gzip.compress(b"smiles,y\n" + b"C,1\n" * 1000, mtime=0)[:-9]),
        ("a.smi", b"\n"),
    ],
)
def test_errors_are_those_of_the_table(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="'csv' must") as whole:
        read_table(tmp_path / name)
    with pytest.raises(ValueError, match="'csv' must") as divided:
        list(read_blocks(tmp_path / name, 1))
    assert str(divided.value) == str(whole.value)


def test_a_missing_file_and_empty_blocks_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="'csv' must be a file that exists"):
        list(read_blocks(tmp_path / "gone.csv"))
    with pytest.raises(ValueError, match="'rows' must be at least 1, got 0"):
        list(read_blocks(tmp_path / "gone.csv", 0))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    for name in ("HEAD", "CHUNK"):
        monkeypatch.setattr(table_blocks, name, 10_000)
    peaks = []
    for count in (20_000, 80_000):
        path = tmp_path / f"{count}.csv"
        path.write_text("smiles,y\n" + "CCO,1.5\n" * count)
        tracemalloc.start()
        assert sum(len(block.rows) for block in read_blocks(path, 1000)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
