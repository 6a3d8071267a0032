"""The embedded import graph: the script that builds it, and the facts of the stored file."""

import hashlib
import importlib.util
import tomllib
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

DATASETS = Path(__file__).parents[3] / "datasets"
NPZ = DATASETS / "embedded" / "stdlib.npz"

SOURCES = {
    "alpha.py": '"""Heap of parcels."""\nimport beta.one, os\n\n\ndef sortParcels():\n    pass\n',
    "beta/__init__.py": "from .one import thing\nfrom . import two\n",
    "beta/one.py": "# a parcel\x0cheap\ndef late():\n    from ..beta import two as other\n",
    "beta/two.py": "import absent\nparcel = 'tab\\theap'\nimport beta.two\n",
    "gamma.py": "from alpha import (\n    sort_parcels,\n)\nHTTPServer = 1\n",
    "lonely.py": "import absent\n",
    "beta/tests/check.py": "import beta.two\n",
    "lib2to3/main.py": "import alpha\n",
}
PAGES = {
    "alpha": ("library/alpha.html#module-$", "Data Types"),
    "beta": ("library/beta.html#module-beta", "Internet Data Handling"),
    "beta.two": ("library/two.html#module-$", "Superseded Modules"),
}


@pytest.fixture(scope="module")
def build_stdlib():
    spec = importlib.util.spec_from_file_location("build_stdlib", DATASETS / "build_stdlib.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path, build_stdlib, monkeypatch):
    """A small library and its documentation."""
    monkeypatch.setattr(build_stdlib, "MIN_MODULES", 1)
    monkeypatch.setattr(build_stdlib, "MAX_SHARE", 1.0)
    for name, source in SOURCES.items():
        path = tmp_path / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    (tmp_path / "html" / "library").mkdir(parents=True)
    lines = ["a label std:label -1 library/alpha.html A label"]
    for name, (page, chapter) in PAGES.items():
        lines.append(f"{name} py:module 0 {page} -")
        crumb = f'<li class="nav-item nav-item-2"><a href="c.html" accesskey="U">{chapter}</a>'
        (tmp_path / "html" / page.partition("#")[0]).write_text(crumb, encoding="utf-8")
    header = b"# Sphinx inventory version 2\n# Project: P\n# Version: 3\n# zlib\n"
    packed = zlib.compress("\n".join(lines).encode())
    (tmp_path / "html" / "objects.inv").write_bytes(header + packed)
    return tmp_path


def test_graph_of_a_small_library(build_stdlib, tree):
    arrays = build_stdlib.build(tree / "lib", tree / "html")
    names = arrays["node_names"].tolist()
    assert names == ["alpha", "beta", "beta.one", "beta.two", "gamma"]
    edges = {(names[a], names[b]) for a, b in arrays["edge_index"].T if a < b}
    assert edges == {
        ("alpha", "beta.one"),
        ("alpha", "gamma"),
        ("beta", "beta.one"),
        ("beta", "beta.two"),
        ("beta.one", "beta.two"),
    }
    classes = list(build_stdlib.TOPICS)
    data, internet = (
        classes.index("Data types and text"),
        classes.index("Internet data and protocols"),
    )
    assert arrays["y"].tolist() == [data, internet, internet, -100, -100]
    assert arrays["train"].tolist() == [0, 1, 2]


def test_words_of_a_small_library(build_stdlib, tree):
    arrays = build_stdlib.build(tree / "lib", tree / "html")
    vocabulary, indptr = arrays["feature_names"], arrays["feature_indptr"]
    words = [vocabulary[arrays["feature_indices"][a:b]].tolist() for a, b in pairwise(indptr)]
    assert words == [
        ["def", "heap", "parcels", "pass", "sort"],
        [],
        ["def", "heap", "late", "parcel"],
        ["heap", "parcel", "tab"],
        ["http", "server"],
    ]


def test_vocabulary_prefers_words_that_come_back(build_stdlib, monkeypatch):
    monkeypatch.setattr(build_stdlib, "MIN_MODULES", 2)
    monkeypatch.setattr(build_stdlib, "MAX_SHARE", 0.5)
    monkeypatch.setattr(build_stdlib, "NUM_WORDS", 2)
    count = build_stdlib.Counter
    bags = [
        count(heap=9, sort=2, banned=50, often=30),
        count(heap=1, sort=3, also=1, often=30),
        count(also=1, often=30),
        count(rare=99),
        count(banned=1),
    ]
    assert build_stdlib.choose_vocabulary(bags, {"banned"}) == ["heap", "sort"]


def test_rebuilding_gives_the_same_bytes(build_stdlib, tree, capsys):
    outputs = [tree / "first.npz", tree / "second.npz"]
    for out in outputs:
        flags = {"--library": tree / "lib", "--docs": tree / "html", "--out": out}
        build_stdlib.main([str(word) for flag in flags.items() for word in flag])
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    digest = hashlib.sha256(outputs[0].read_bytes()).hexdigest()
    assert digest in capsys.readouterr().out


def test_folders_without_data_are_refused(build_stdlib, tree, capsys):
    with pytest.raises(ValueError, match="'library' must be a folder of Python modules, got"):
        build_stdlib.build(tree / "html", tree / "html")
    with pytest.raises(ValueError, match=r"'docs' must be a folder .* with objects\.inv, got"):
        build_stdlib.build(tree / "lib", tree / "lib")
    with pytest.raises(SystemExit) as stop:
        build_stdlib.main(["--library", str(tree / "lib"), "--docs", str(tree / "lib")])
    assert stop.value.code == 2
    assert "python3.11-doc" in capsys.readouterr().err


@pytest.fixture(scope="module")
def stored():
    with np.load(NPZ, allow_pickle=False) as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def card():
    return tomllib.loads((DATASETS / "cards" / "stdlib.toml").read_text(encoding="utf-8"))


def test_stored_file_is_the_one_on_the_card(card):
    (entry,) = card["files"]
    content = (DATASETS / card["folder"] / entry["path"]).read_bytes()
    assert len(content) == entry["size"] < 300_000
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]


def test_stored_facts_are_those_on_the_card(stored, card, build_stdlib):
    facts, y = card["facts"], stored["y"]
    assert stored["class_names"].tolist() == card["class_names"] == list(build_stdlib.TOPICS)
    assert stored["feature_shape"].tolist() == [facts["num_nodes"], facts["num_features"]]
    assert stored["edge_index"].shape == (2, facts["num_edges"])
    assert np.bincount(y[y >= 0]).tolist() == facts["class_sizes"]
    assert (y == -100).sum() == facts["num_unlabeled"]
    assert facts["num_nodes"] == sum(facts["class_sizes"]) + facts["num_unlabeled"]
    assert [stored[part].size for part in ("train", "val", "test")] == facts["split_sizes"]
    source, target = y[stored["edge_index"]]
    known = (source >= 0) & (target >= 0)
    assert (source == target)[known].mean() == pytest.approx(facts["edge_homophily"], abs=5e-4)


def test_stored_edges_are_symmetric_sorted_and_without_loops(stored):
    edge_index, num_nodes = stored["edge_index"], len(stored["node_names"])
    assert edge_index.dtype == np.int64
    keys = edge_index[0] * num_nodes + edge_index[1]
    assert (np.diff(keys) > 0).all()  # coalesced
    assert np.array_equal(np.sort(edge_index[1] * num_nodes + edge_index[0]), keys)
    assert (edge_index[0] != edge_index[1]).all()
    assert np.array_equal(np.unique(edge_index), np.arange(num_nodes))  # no isolated module


def test_stored_features_are_binary_csr_rows(stored, card):
    indptr, indices = stored["feature_indptr"], stored["feature_indices"]
    assert (indptr.dtype, indices.dtype) == (np.int64, np.int32)
    assert stored["feature_data"].dtype == np.uint8
    assert (stored["feature_data"] == 1).all()
    assert indptr[-1] == indices.size == card["facts"]["num_feature_entries"]
    rows = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    assert (np.diff(rows * len(stored["feature_names"]) + indices) > 0).all()
    holders = np.bincount(indices, minlength=len(stored["feature_names"]))
    assert holders.min() >= 10
    assert holders.max() <= 0.2 * len(stored["node_names"])


def test_stored_split_is_disjoint_and_covers_the_labeled_modules(stored):
    y = stored["y"]
    parts = [stored[part] for part in ("train", "val", "test")]
    assert all((np.diff(part) > 0).all() for part in parts)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.flatnonzero(y != -100))
    assert np.bincount(y[parts[0]]).tolist() == [10] * 8


@pytest.mark.parametrize(
    ("module", "topic"),
    [
        ("heapq", "Data types and text"),
        ("email.mime.text", "Internet data and protocols"),
        ("asyncio.events", "Concurrency and networking"),
        ("xml.etree.ElementTree", "Structured markup"),
        ("unittest.mock", "Language, runtime and development"),
    ],
)
def test_known_modules_have_the_chapter_they_are_documented_in(stored, module, topic):
    node = stored["node_names"].tolist().index(module)
    assert stored["class_names"][stored["y"][node]] == topic


def test_stored_citations_are_imports(stored):
    names = stored["node_names"].tolist()
    index = names.index("queue")
    cited = {names[b] for a, b in stored["edge_index"].T if a == index}
    assert {"heapq", "types", "threading"} <= cited  # its imports
    assert "concurrent.futures.thread" in cited  # a module that imports it
