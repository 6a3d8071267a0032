"""The doors of graphs, tables and molecules of one's own, with valid samples, for fuzz.py."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from fuzz_door import Read, door, written
from fuzz_mutate import mutate_text

import gnnvision as gv

SMILES = [
    "CCO", "c1ccccc1O", "C[C@H](N)C(=O)O", "F/C=C/F", "[Na+].[Cl-]", "CC(=O)Oc1ccccc1C(=O)O",
    "C1CC2CCC1C2", "[13CH4]", "*CC", "N#N", "[H][H]", "O=S(=O)(O)O", "CN1C=NC2=C1C(=O)N(C)C",
]  # fmt: skip


def npz_files() -> list[bytes]:
    """Arrays by name, and a sparse matrix."""
    from scipy.sparse import csr_matrix, save_npz

    edges = np.array([[0, 1, 2, 3], [1, 2, 3, 0]])
    held: dict[str, Any] = {"edge_index": edges, "x": np.eye(4, dtype=np.float32)}
    held |= {"y": np.array([0, 1, 0, 1]), "train_mask": np.array([True, True, False, False])}
    held |= {"node_names": np.array(["a", "b", "c", "d"])}
    parts = {f"adj_{k}": v for k, v in vars_of(csr_matrix(np.eye(4, k=1))).items()}
    found = []
    for arrays in (held, parts | {"labels": held["y"], "attr_matrix": held["x"]}):
        out = io.BytesIO()
        np.savez(out, **arrays)
        found.append(out.getvalue())
    out = io.BytesIO()
    save_npz(out, csr_matrix(np.eye(4, k=1)))
    return [*found, out.getvalue()]


def vars_of(matrix: Any) -> dict[str, Any]:
    """The arrays of a sparse matrix."""
    return {n: np.asarray(getattr(matrix, n)) for n in ("data", "indices", "indptr", "shape")}


@door("npz", npz_files, "zip", 20_000)
def read_npz(data: bytes, folder: Path) -> object:
    """All arrays of a file."""
    from gnnvision.data.npz import unpack_arrays

    return unpack_arrays(data, skip_objects=True)


def load_graph(path: Path, **options: Any) -> object:
    """A graph as a task, with what is printed about it."""
    return gv.data.graphs.load(path, **options).overview()


@door("npz graph", npz_files, "zip", 6_000)
def read_npz_graph(data: bytes, folder: Path) -> object:
    """The task of a graph in a file."""
    return load_graph(written(folder, "graph.npz", data))


GRAPHML = b"""<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><key id="d0" for="node"
attr.name="label" attr.type="string"/><key id="d1" for="node" attr.name="size"
attr.type="double"><default>1.5</default></key><key id="w" for="edge" attr.name="weight"
attr.type="float"/><graph edgedefault="undirected"><node id="a"><data key="d0">red</data></node>
<node id="b"><data key="d0">blue</data><data key="d1">2</data></node><node id="c">
<data key="d0">red</data></node><edge source="a" target="b"><data key="w">0.5</data></edge>
<edge source="b" target="c"/></graph></graphml>"""
GEXF = b"""<?xml version="1.0" encoding="UTF-8"?>
<gexf xmlns="http://www.gexf.net/1.2draft" version="1.2"><graph defaultedgetype="directed"
mode="static"><attributes class="node"><attribute id="0" title="label" type="string"/>
<attribute id="1" title="n" type="integer"><default>3</default></attribute></attributes><nodes>
<node id="0" label="a"><attvalues><attvalue for="0" value="red"/></attvalues></node><node
id="1" label="b"><attvalues><attvalue for="0" value="blue"/><attvalue for="1" value="7"/>
</attvalues></node>
</nodes><edges><edge id="0" source="0" target="1" weight="2.5"/></edges></graph></gexf>"""


def graphml() -> list[bytes]:
    """A graph in GraphML."""
    return [GRAPHML]


def gexf() -> list[bytes]:
    """A graph in GEXF."""
    return [GEXF]


@door("GraphML", graphml, "text", 15_000)
def read_graphml(data: bytes, folder: Path) -> object:
    """The task of a graph in GraphML."""
    return load_graph(written(folder, "graph.graphml", data), label="label")


@door("GEXF", gexf, "text", 10_000)
def read_gexf(data: bytes, folder: Path) -> object:
    """The task of a graph in GEXF."""
    return load_graph(written(folder, "graph.gexf", data), label="label")


NODES = "id,age,city,label\n" + "".join(
    f"n{i},{i},{'ab'[i % 2]},{('red', 'blue')[i % 2]}\n" for i in range(12)
)
EDGES = "source,target,weight\n" + "".join(f"n{i},n{(i + 1) % 12},{i / 4}\n" for i in range(12))
SETS: dict[str, dict[str, str]] = {
    "tables": {"nodes.csv": NODES, "edges.csv": EDGES},
    "graphs": {
        "graphs.csv": "graph_id,label\n0,a\n1,b\n2,a\n3,b\n",
        "nodes.csv": "graph_id,id,f\n" + "".join(f"{i // 2},{i},{i}\n" for i in range(8)),
        "edges.csv": "graph_id,source,target\n" + "".join(
            f"{i // 2},{i},{i + 1}\n" for i in range(0, 8, 2)
        ),
    },
    "dgl": {
        "meta.yaml": "dataset_name: d\nedge_data:\n- file_name: e.csv\nnode_data:\n"
                     "- file_name: n.csv\n",
        "e.csv": "src_id,dst_id\n0,1\n1,2\n2,3\n",
        "n.csv": "node_id,label,feat\n0,0,\"1,2\"\n1,1,\"1,3\"\n2,0,\"0,2\"\n3,1,\"1,1\"\n",
    },
    "ogb": {
        "raw/edge.csv": "0,1\n1,2\n0,1\n0,1\n", "raw/num-node-list.csv": "3\n2\n2\n",
        "raw/num-edge-list.csv": "2\n1\n1\n",
        "raw/node-feat.csv": "1,0\n0,1\n1,1\n0,0\n1,0\n1,1\n0,1\n",
        "raw/graph-label.csv": "0\n1\n0\n", "split/s/train.csv": "0\n",
        "split/s/valid.csv": "1\n", "split/s/test.csv": "2\n",
    },
    "tu": {
        "d/D_A.txt": "1, 2\n2, 1\n3, 4\n4, 3\n", "d/D_graph_indicator.txt": "1\n1\n2\n2\n",
        "d/D_graph_labels.txt": "1\n-1\n", "d/D_node_labels.txt": "0\n1\n0\n2\n",
        "d/D_node_attributes.txt": "0.5, 1\n1, 2\n3, 4\n1, 1\n",
    },
}  # fmt: skip


def texts_of(name: str) -> Callable[[], list[bytes]]:
    """The files of a folder, once for each file to change."""
    return lambda: [json.dumps([file, SETS[name]]).encode() for file in SETS[name]]


def one_text(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """One of the texts of a folder, changed; as latin-1, so that any byte can be in it."""
    name, held = json.loads(data)
    held[name] = mutate_text(random, held[name].encode()).decode("latin-1")
    return json.dumps([name, held]).encode()


def folder_reader(options: dict[str, Any], file: str = "") -> Read:
    """Read a folder of text files."""

    def read(data: bytes, folder: Path) -> object:
        name, held = json.loads(data)
        for path, text in held.items():
            encoding = "latin-1" if path == name else "utf-8"
            written(folder / "set", path, text.encode(encoding, "replace"))
        return load_graph(folder / "set" / file, **options)

    return read


door("tables", texts_of("tables"), one_text, 15_000)(folder_reader({}))
door("tables of graphs", texts_of("graphs"), one_text, 5_000)(folder_reader({}))
door("dgl", texts_of("dgl"), one_text, 8_000)(folder_reader({}))
door("ogb", texts_of("ogb"), one_text, 8_000)(folder_reader({}))
door("tu", texts_of("tu"), one_text, 8_000)(folder_reader({}, "d"))


def tables() -> list[bytes]:
    """Tables with several delimiters and endings of lines."""
    rows = [("smiles", "y", "name")] + [(s, str(i / 2), f"m{i}") for i, s in enumerate(SMILES)]
    texts = [mark.join(r) for mark in ",;\t|" for r in rows]
    whole = ["\n".join(texts[i : i + len(rows)]) for i in range(0, len(texts), len(rows))]
    return [text.encode() for text in whole]


def odd_tables() -> list[bytes]:
    """The same, and some with more above the header or in the cells."""
    more = ['sep=;\na;b\n1;"x\ny"\n', "Title\n\nsmiles,y\nCC,1\n", "a\n1\n\n2\n"]
    return [*tables(), *(text.encode() for text in more)]


@door("csv", odd_tables, "text", 50_000)
def read_csv(data: bytes, folder: Path) -> object:
    """A table, whole and in blocks, which must agree."""
    from gnnvision.data.table import parse_table
    from gnnvision.data.table_blocks import read_blocks

    whole = parse_table(data, "a.csv")
    path = written(folder, "a.csv", data)
    blocks = [*read_blocks(path, rows=5)]
    rows = tuple(row for block in blocks for row in block.rows)
    assert rows == whole.rows, "blocks have other rows"
    return whole


@door("molecule table", tables, "text", 8_000)
def read_molecule_table(data: bytes, folder: Path) -> object:
    """A table of molecules as a task."""
    path = written(folder, "a.csv", data)
    options: dict[str, Any] = {"smiles": "smiles", "targets": "y", "on_invalid": "skip"}
    return gv.data.molecules.load(path, **options).overview()


def smiles_texts() -> list[bytes]:
    """SMILES, and one in an extended form."""
    return [text.encode() for text in (*SMILES, "C |$R1$|", "C1CC1.C2CC2")]


def change_smiles(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """SMILES of tokens at random, or repeated."""
    tokens = ["C", "c", "N", "[nH]", "(", ")", "=", "#", "1", "%99", "%(100)", "[", "]", "@", "@@",
              "/", "\\", ".", "*", "[Og]", "[#0]", "[C:999999]", "[99999999999C]", "+", "-", "[H]",
              "~", "$", ":", "->", "<-", ">>", "&", "\u0421", "\0", " ", "|",
              "[C++++++++++]"]  # fmt: skip
    text = data.decode("utf-8", "replace")
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(text) + 1)
        token = random.choice(tokens) * random.choice((1, 1, 1, 2, 30, 400))
        text = text[:at] + token + text[at + random.randint(0, 2) :]
    return text[:20_000].encode()


@door("SMILES", smiles_texts, change_smiles, 40_000)
def read_smiles(data: bytes, folder: Path) -> object:
    """The atoms and bonds of a molecule."""
    from rdkit import rdBase

    from gnnvision.data.molecules.encode import encode

    rdBase.DisableLog("rdApp.*")
    text = data.decode("utf-8", "surrogateescape")
    encoded = encode([text], gv.data.Featurizer())
    assert bool(encoded.reasons[0]) == (encoded.num_atoms[0] == 0), encoded.reasons
    return encoded


def parquets() -> list[bytes]:
    """Parquet files with several types and packings."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"id": ["a", "b", None], "n": [1, 2, 3], "x": [0.5, None, 2.0]})
    found = []
    for packing in ("none", "snappy", "gzip", "zstd"):
        out = io.BytesIO()
        parquet.write_table(table, out, compression=packing)
        found.append(out.getvalue())
    return found


@door("parquet", parquets, "bytes", 20_000)
def read_parquet(data: bytes, folder: Path) -> object:
    """The columns of a Parquet file."""
    from gnnvision.data.column_sources import read_columns

    return dict(read_columns(written(folder, "a.parquet", data)))
