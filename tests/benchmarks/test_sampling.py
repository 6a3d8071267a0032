"""The benchmark of the sampler runs, and its peer samples the graph that it is given."""

import json
import sys
from pathlib import Path

import numpy as np

BENCHMARKS = str(Path(__file__).resolve().parents[2] / "benchmarks")
sys.path.insert(0, BENCHMARKS)
import deepgnn_peer  # noqa: E402
import sampling  # noqa: E402

sys.path.remove(BENCHMARKS)


def test_a_table_is_printed(capsys, monkeypatch):
    monkeypatch.setattr(sampling.torch, "set_num_threads", lambda count: None)
    monkeypatch.delattr(sampling.os, "sched_setaffinity", raising=False)
    flags = ["--edges", "2e4", "--batch", "50", "--batches", "2", "--rounds", "2"]
    sampling.main(flags)
    printed = capsys.readouterr().out
    assert "2,000 nodes, 20,000 edges" in printed
    speeds = [line.split() for line in printed.splitlines() if line.startswith("gnnvision")]
    assert len(speeds) == 2
    assert all(float(line[-4]) > 0 for line in speeds)


def test_deepgnn_is_given_the_graph_in_its_layout(tmp_path):
    rowptr, source = np.array([0, 2, 3, 3]), np.array([1, 2, 0], np.int32)
    np.save(tmp_path / "rowptr.npy", rowptr)
    np.save(tmp_path / "source.npy", source)
    deepgnn_peer.convert(tmp_path, tmp_path / "out")
    edges = np.fromfile(tmp_path / "out" / "edge_0_0.index", deepgnn_peer.EDGE)
    assert edges["node"].tolist() == [1, 2, 0, 0]
    assert edges["weight"].tolist() == [1, 1, 1, -1]
    assert np.fromfile(tmp_path / "out" / "neighbors_0_0.index", "<u8").tolist() == [0, 2, 3, 3]
    about = json.loads((tmp_path / "out" / "meta.json").read_text())
    assert (about["node_count"], about["edge_count"]) == (3, 3)


class Cycle:
    """Each node's neighbors are the next ones."""

    def uniform_sample_neighbors(self, without, nodes, kind, count, default_node):
        found = (nodes[:, None] + 1 + np.arange(count)) % 10
        found[:, -1] = default_node
        return found, None


def test_nodes_are_expanded_once_where_they_are_numbered():
    place, wanted = np.full(10, -1), np.array([0, 1, 2])
    lists = deepgnn_peer.sample(Cycle(), wanted, [3, 3], place, False)
    numbered = deepgnn_peer.sample(Cycle(), wanted, [3, 3], place, True)
    assert lists == 6 + 2 * 6  # of all neighbors, some of them twice
    assert numbered == 6 + 2 * 5  # of the nodes 0, 1, 2, 3 and 4
    assert (place == -1).all()
