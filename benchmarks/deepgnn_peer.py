"""DeepGNN's graph engine, as a peer of the sampler; run by sampling.py in its own environment.

python deepgnn_peer.py FOLDER BATCH FANOUT...

It needs numpy and the package `deepgnn-ge` (Python 3.11), and none of gnnvision. FOLDER has
`rowptr.npy` and `source.npy`: the neighbors of each node. They are written in the layout of
DeepGNN's own converter (format v2, one partition, no features), by whole columns, because the
converter takes one edge at a time. Each line of the input, a number of batches, is answered by a
line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

NODE = np.dtype([("node", "<u8"), ("row", "<u8"), ("type", "<i4")])
EDGE = np.dtype([("node", "<u8"), ("feature", "<u8"), ("type", "<i4"), ("weight", "<f4")])
BLOCK = 1 << 22


def convert(folder: Path, out: Path) -> None:
    """Write the files of DeepGNN."""
    rowptr = np.load(folder / "rowptr.npy", mmap_mode="r")
    source = np.load(folder / "source.npy", mmap_mode="r")
    nodes, edges = len(rowptr) - 1, len(source)
    out.mkdir(exist_ok=True)
    named = np.zeros(nodes, NODE)
    named["node"] = named["row"] = np.arange(nodes)
    named.tofile(out / "node_0_0.map")
    np.zeros(nodes + 1, "<u8").tofile(out / "node_0_0.index")
    np.zeros(1, "<u8").tofile(out / "node_features_0_0.index")
    np.zeros(1, "<u8").tofile(out / "edge_features_0_0.index")
    for kind in ("node", "edge"):
        (out / f"{kind}_features_0_0.data").touch()
    np.asarray(rowptr).astype("<u8").tofile(out / "neighbors_0_0.index")
    with (out / "edge_0_0.index").open("wb") as file:
        for start in range(0, edges, BLOCK):
            block = np.zeros(min(BLOCK, edges - start), EDGE)
            block["node"] = source[start : start + BLOCK]
            block["weight"] = 1
            block.tofile(file)
        end = np.zeros(1, EDGE)
        end["weight"] = -1
        end.tofile(file)
    sizes = {"node_weight": [float(nodes)], "edge_weight": [float(edges)]}
    about = {
        "binary_data_version": "v2", "node_count": nodes, "edge_count": edges,
        "node_type_count": 1, "edge_type_count": 1, "node_feature_count": 0,
        "edge_feature_count": 0, "node_count_per_type": [nodes], "edge_count_per_type": [edges],
        "partitions": {"0": sizes}, "watermark": -1,
    }  # fmt: skip
    (out / "meta.json").write_text(json.dumps(about))


def sample(
    graph: Any, wanted: np.ndarray, fanouts: list[int], place: np.ndarray, numbered: bool
) -> int:
    """Sample around some nodes without replacement; the number of edges.

    The lists that the graph engine returns are all there is, unless `numbered`: then each node is
    expanded once, and the ends of the edges are numbered from 0, wanted nodes first.

    Args:
        graph: of DeepGNN.
        wanted: distinct nodes.
        fanouts: how many neighbors to draw in each hop.
        place: -1 for each node of the graph; it is left as it was.
        numbered: whether to number the nodes.
    """
    total, targets = 0, wanted
    place[wanted] = np.arange(len(wanted))
    for fanout in fanouts:
        found, _ = graph.uniform_sample_neighbors(True, targets, 0, fanout, default_node=-1)
        there = found >= 0
        sources = found[there]
        total += len(sources)
        if not numbered:
            targets = sources
            continue
        new = sources[place[sources] < 0]
        numbers = np.arange(len(targets), len(targets) + len(new))
        place[new] = numbers
        new = new[place[new] == numbers]  # of several equal nodes the last one
        place[new] = np.arange(len(targets), len(targets) + len(new))
        np.stack([place[sources], np.repeat(np.arange(len(targets)), there.sum(1))])
        targets = np.concatenate([targets, new])
    place[targets if numbered else wanted] = -1
    return total


def main(folder: Path, batch: int, fanouts: list[int]) -> None:
    """Convert and load the graph, then sample as often as asked."""
    from deepgnn.graph_engine.snark.client import MemoryGraph

    started = time.perf_counter()
    convert(folder, folder / "deepgnn")
    converted = time.perf_counter() - started
    started = time.perf_counter()
    graph = MemoryGraph(str(folder / "deepgnn"))
    loaded = time.perf_counter() - started
    nodes = len(np.load(folder / "rowptr.npy", mmap_mode="r")) - 1
    answer({"converted": converted, "loaded": loaded, "memory": peak()})
    random, place = np.random.default_rng(0), np.full(nodes, -1)
    for line in sys.stdin:
        count, numbered = json.loads(line)
        seeds = [random.choice(nodes, batch, replace=False, shuffle=False) for _ in range(count)]
        started = time.perf_counter()
        edges = sum(sample(graph, wanted, fanouts, place, numbered) for wanted in seeds)
        answer({"edges": edges, "seconds": time.perf_counter() - started})


def peak() -> float:
    """The peak memory of this process in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def answer(values: dict[str, Any]) -> None:
    """Write a line for the other process."""
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), [int(one) for one in sys.argv[3:]])
