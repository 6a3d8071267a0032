"""What graphs, tasks and results show in a notebook: escaped, small, fast, and true."""

import re
import subprocess
import sys
import time
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision._html import MOST_NODES, card, curves, graph_drawing, image_strip, neighborhood

SCRIPT = "<script>alert('x')</script>"


def parsed(html):
    """The HTML as XML, which every part of it is but for the images."""
    assert html.startswith("<table")
    assert len(html.encode()) < 20_000
    return ElementTree.fromstring(re.sub(r"(<img[^>]*[^/])>", r"\1/>", html))


def text_of(html):
    return " | ".join(filter(None, (e.text for e in parsed(html).iter())))


def test_a_graph_with_any_names():
    graph = nx.relabel_nodes(nx.path_graph(4), {0: SCRIPT, 1: 'Ann & "Bob"', 2: "c"})
    html = gv.Graph.from_networkx(graph)._repr_html_()
    assert "<script" not in html
    root = parsed(html)
    titles = [e.text for e in root.iter() if e.tag.endswith("title")]
    assert titles == [SCRIPT, 'Ann & "Bob"', "c", "3"]
    assert text_of(html).startswith("Graph | nodes | 4 | edges | 6")
    assert html.count("M") == 3  # each pair once


def test_a_batch_draws_its_first_graphs():
    pair = gv.Graph.from_edges([(0, 1)], 2)
    batch = gv.Graph.batch([gv.Graph.from_edges([], 0), *[pair] * 9])
    html = batch._repr_html_()
    assert "graphs | 10" in text_of(html)
    assert html.count("<svg") == 4
    assert html.count("<circle") == 8
    assert [e.text for e in parsed(html).iter() if e.tag.endswith("title")] == list("01234567")


@pytest.mark.parametrize("num_nodes", [0, 1, 100])
def test_graphs_without_edges(num_nodes):
    html = gv.Graph.from_edges([], num_nodes)._repr_html_()
    assert html.count("<circle") == min(num_nodes, MOST_NODES)
    assert "nan" not in html


def test_a_neighborhood_is_connected_and_has_all_edges_inside():
    rng = np.random.default_rng(0)
    edges = rng.integers(0, 1000, (2, 3000))
    nodes, pairs = neighborhood(edges, 1000)
    assert len(nodes) == len(set(nodes.tolist())) == MOST_NODES
    drawn = nx.Graph(pairs.T.tolist())
    assert nx.is_connected(drawn)
    assert len(drawn) == MOST_NODES
    whole = nx.Graph([(a, b) for a, b in edges.T.tolist() if a != b]).subgraph(nodes.tolist())
    named = {tuple(sorted((nodes[a], nodes[b]))) for a, b in pairs.T.tolist()}
    assert named == {tuple(sorted(pair)) for pair in whole.edges}


def test_a_graph_of_the_size_of_cora_is_fast():
    generator = torch.Generator().manual_seed(0)
    edges = torch.randint(0, 2708, (2, 10_556), generator=generator)
    graph = gv.Graph(edges, num_nodes=2708)
    graph._repr_html_()
    start = time.perf_counter()
    html = graph._repr_html_()
    assert time.perf_counter() - start < 0.2  # 10 ms on an idle core
    assert html.count("<circle") == MOST_NODES


def test_tasks_show_their_overview():
    karate = gv.data.load("karate")
    html = karate._repr_html_()
    assert "NodeTask: karate | data | Zachary's karate club" in text_of(html)
    fills = re.findall(r'<circle[^>]*fill="([^"]*)"', html)
    assert len(fills) == 34
    for kind in (0, 1):
        assert (
            len({fill for fill, y in zip(fills, karate.y.tolist(), strict=True) if y == kind}) == 1
        )
    digits = gv.data.load("digits")
    html = digits._repr_html_()
    assert 'src="data:image/png;base64,' in html
    assert "ImageTask: digits" in text_of(html)
    assert "data:image/" in digits.reconstruction()._repr_html_()
    molecules = gv.data.load("bioactivity")
    assert molecules._repr_html_().count("<svg") == 4


def test_names_of_classes_and_files_are_escaped():
    images = torch.zeros(9, 3, 60, 80, dtype=torch.uint8)
    task = gv.data.from_tensors(images, [SCRIPT, "b", "c"] * 3, split=[range(6), [6], [7, 8]],
                                name=SCRIPT)  # fmt: skip
    html = task._repr_html_()
    assert "<script" not in html
    assert f"ImageTask: {SCRIPT}" in text_of(html)
    assert SCRIPT in text_of(html)


def test_a_summary_and_a_result():
    layers = (gv.Conv2d(1, 4, 3, padding=1), nn.ReLU(), gv.Readout("mean"), nn.Linear(4, 10))
    model = gv.Sequential(*layers)
    summary = gv.summary(model, gv.Grid((8, 8)), channels=1)
    html = summary._repr_html_()
    assert "Conv2d (1 → 4, 3 × 3)" in text_of(html)
    assert "Total | 1×10 | 90" in text_of(html)
    assert html.count("<rect") == 4
    task = gv.data.load("digits")
    result = gv.fit(model, task, gv.Recipe(epochs=3, lr=0.01), progress=False)
    html = result._repr_html_()
    shown = text_of(html)
    test = 100 * result.best.metrics["test"]["accuracy"]
    assert f"test | {test:.1f} %" in shown
    assert f"epoch {result.best.best_epoch} of 3" in shown
    assert html.count("<polyline") == 2
    assert "training accuracy" in shown
    assert "validation accuracy" in shown


def test_long_tables_and_texts_are_shortened():
    rows = [(n, "x" * 10_000) for n in range(500)]
    html = card("t", rows)
    assert "… 476 more" in html
    assert ">499<" in html
    assert len(html) < 20_000


def test_curves_leave_out_what_is_undefined():
    nan = float("nan")
    assert curves({"a": [nan, nan]}) == ""
    html = curves({SCRIPT: [1.0, nan, 3.0], "flat": [1.0]})
    assert "nan" not in html
    assert "<script" not in html
    assert ElementTree.fromstring(html) is not None


def test_images_of_every_size():
    rng = np.random.default_rng(0)
    for shape in ((8, 500, 300, 3), (8, 2, 2, 1), (1, 64, 64, 1)):
        html = image_strip(rng.integers(0, 256, shape, dtype=np.uint8), ["<b>"] * shape[0])
        assert len(html) < 18_000
        assert "<b>" not in html
    assert image_strip(np.zeros((0, 8, 8, 1), np.uint8)) == ""


def test_the_layout_keeps_neighbors_near():
    ring = np.array([np.arange(12), (np.arange(12) + 1) % 12])
    html = graph_drawing(np.arange(12), ring)
    places = np.array(re.findall(r'cx="(\d+)" cy="(\d+)"', html), float)
    assert html == graph_drawing(np.arange(12), ring)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert apart[ring[0], ring[1]].max() < apart[np.arange(12), (np.arange(12) + 6) % 12].min()


@pytest.mark.slow
def test_no_plotting_library_is_imported():
    code = (
        "import sys, gnnvision as gv\n"
        "gv.data.load('stdlib')._repr_html_()\n"
        "gv.Graph.from_edges([(0, 1)], 2)._repr_html_()\n"
        "assert not {'matplotlib', 'networkx', 'rdkit'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
