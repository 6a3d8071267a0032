"""Files that somebody else made to do harm, or that are damaged so: refused in one sentence.

`benchmarks/fuzz.py` looks for more of them; each that it found is here.
"""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest

import gnnvision as gv
from gnnvision.data import column_sources, npz
from gnnvision.data.column_sources import read_columns
from gnnvision.data.images.decode import decode_image, image_size
from gnnvision.data.npz import unpack_arrays
from gnnvision.data.sources import open_source

from .images import made


def test_xml_in_an_encoding_that_nobody_has(tmp_path):
    path = tmp_path / "a.graphml"
    path.write_text('<?xml version="1.0" encoding="wtf-8"?><graphml/>')
    with pytest.raises(
        ValueError, match="must be well-formed XML, got an error: unknown encoding"
    ):
        gv.data.graphs.load(path, label="x")


def test_an_npz_bomb(monkeypatch):
    monkeypatch.setattr(npz, "MOST_BYTES", 1000)
    out = io.BytesIO()
    np.savez_compressed(out, x=np.zeros(100_000))
    with pytest.raises(ValueError, match=r"it unpacks from [\d,]+ to 800,128 bytes"):
        unpack_arrays(out.getvalue())
    np.savez_compressed(out := io.BytesIO(), x=np.zeros(10))
    assert unpack_arrays(out.getvalue())["x"].shape == (10,)


def test_a_node_with_a_huge_number(tmp_path):
    np.savez(tmp_path / "a.npz", edge_index=np.array([[0, 2**40], [1, 2]]))
    with pytest.raises(ValueError, match=r"number the nodes without such gaps.* node 1,099,511,"):
        gv.data.graphs.load(tmp_path / "a.npz")


def test_a_path_of_thousands_of_folders(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("a/" * 3000 + "b.png"))
    with pytest.raises(ValueError, match="has more than 4096 characters"):
        open_source(tmp_path / "a.tar").members()


def test_a_deeply_nested_yaml(tmp_path):
    (tmp_path / "meta.yaml").write_text("[" * 20_000)
    with pytest.raises(ValueError, match=r"must have a valid meta\.yaml"):
        gv.data.graphs.load(tmp_path)


def test_the_first_of_two_orientations_does_not_count_alone():
    """Pillow goes by the last one: the size before and after decoding is the same."""
    late, first = made.exif_chunk(1), made.exif_chunk(6)
    whole = made.encoded(made.pixels(size=(4, 6)))
    start, end = whole.index(b"IDAT") - 4, whole.index(b"IEND") - 4
    twice = whole[:start] + first + whole[start:end] + late + whole[end:]
    assert image_size(twice) == decode_image(twice, "a.png").pixels.shape[:2] == (4, 6)


class TestParquet:
    pyarrow = pytest.importorskip("pyarrow")

    def written(self, path, **columns):
        from pyarrow import parquet

        parquet.write_table(self.pyarrow.table(columns), path)
        return path

    def test_text_that_is_not_utf_8(self, tmp_path):
        raw = self.pyarrow.array([b"\xb0\xff"])
        texts = self.pyarrow.Array.from_buffers(self.pyarrow.string(), 1, raw.buffers())
        path = self.written(tmp_path / "a.parquet", word=texts)
        with pytest.raises(ValueError, match="must be a Parquet file"):
            read_columns(path)

    def test_one_value_a_million_times_is_one_value_in_memory(self, tmp_path):
        words = self.pyarrow.DictionaryArray.from_arrays(
            self.pyarrow.array(np.arange(10_000, dtype=np.int32) % 2),
            self.pyarrow.array(["x" * 100_000, "y"]),
        )
        held = read_columns(self.written(tmp_path / "a.parquet", a=words))["a"]
        assert len(held) == 10_000
        assert len({id(word) for word in held}) == 2
        some = self.written(tmp_path / "b.parquet", a=["p", None, "q"], n=[1, None, 3])
        assert list(read_columns(some)["a"]) == ["p", None, "q"]

    def test_more_cells_than_the_bytes_can_mean(self, tmp_path, monkeypatch):
        path = self.written(tmp_path / "a.parquet", a=np.zeros(100_000, np.int8))
        monkeypatch.setattr(column_sources, "MOST_CELLS", 1000)
        with pytest.raises(
            ValueError, match="must have at most 1,000 cells, or 100 for each byte"
        ):
            read_columns(path)


def test_a_zip_in_an_npz_that_states_another_size(tmp_path):
    out = io.BytesIO()
    np.savez(out, x=np.arange(100))
    data = bytearray(out.getvalue())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.infolist()[0].file_size
    at = data.rindex(size.to_bytes(4, "little"))
    data[at : at + 4] = (2**31).to_bytes(4, "little")
    with pytest.raises(ValueError, match="The npz archive cannot be read"):
        unpack_arrays(bytes(data))


def test_a_run_that_explains_what_no_system_can_name(tmp_path):
    from gnnvision.report.index import update_index

    run = tmp_path / "explain" / "2026-01-01_10-00-00"
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    (run / "report.html").write_text("<html>")
    for place in ("x" * 5000, "a\0b", "../" * 9000):
        (run / "page.json").write_text(json.dumps({"title": "<script>", "explains": place}))
        update_index(run)
        page = (tmp_path / "index.html").read_text()
        assert "&lt;script&gt;" in page or "<script>" not in page.partition("<body")[2]
        (tmp_path / "index.html").unlink()


class TestGraphOnDisk:
    @pytest.fixture
    def folder(self, tmp_path):
        with gv.data.GraphWriter(tmp_path / "g", 4, undirected=True) as writer:
            writer.add_edges(np.array([0, 1, 2]), np.array([1, 2, 3]))
            writer.add_nodes(x=np.eye(4, dtype=np.float32), y=np.array([0, 1, 0, 1]))
            rows = (np.array([0, 1]), np.array([2]), np.array([3]))
            writer.finish(class_names=("a", "b"), split=gv.data.Split("mine", *rows))
        return tmp_path / "g"

    def test_a_class_that_would_take_all_memory_to_count(self, folder):
        y = np.load(folder / "y.npy", mmap_mode="r+")
        y[2] = 2**40
        y.flush()
        with pytest.raises(ValueError, match="have classes below 2, or -100, got 1099511627776"):
            gv.data.load(folder)

    @pytest.mark.parametrize("header", ["{'descr': ((((", "{b'x': 1, 'shape': 2}", "[" * 100])
    def test_a_header_that_numpy_stumbles_over(self, folder, header):
        data = bytearray((folder / "y.npy").read_bytes())
        data[10:128] = header.ljust(117).encode() + b"\n"
        (folder / "y.npy").write_bytes(data)
        with pytest.raises(ValueError, match=r"be a \.npy file, got an error"):
            gv.data.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line | {"op_code": "x"},
        lambda line: line | {"user_attrs": {}},
        lambda line: line | {"user_attrs": {"number": [], "scores": 1}},
        lambda line: [line],
        lambda line: line | {"datetime_start": 3.5},
    ],
)
def test_a_journal_of_a_sweep_that_was_changed(tmp_path, change):
    pytest.importorskip("optuna")
    from gnnvision.training.search_space import Range
    from gnnvision.training.studies import Journal, Trial

    def journal():
        return Journal(tmp_path, {"lr": Range(0.01, 1.0)}, True)

    journal().add(Trial(0, {"lr": 0.1}, (0.5,), 1.0, 2.0, "", "here"))
    assert journal().trials()[0].score == 0.5
    path = tmp_path / "journal.log"
    lines = path.read_text().splitlines()
    lines[1] = json.dumps(change(json.loads(lines[1])))  # the first one is of the sweep
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=r"'journal\.log' must be a journal of this sweep"):
        journal().trials()
