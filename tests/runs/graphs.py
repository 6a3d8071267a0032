"""Graphs and runs that the tests of loading share."""

import torch

import gnnvision as gv


def tables(count=60, seed=0):
    """Nodes of three topics, every tenth without a label, and random edges between them."""
    draw = torch.Generator().manual_seed(seed)
    topic = torch.randint(0, 3, (count,), generator=draw).tolist()
    ends = torch.randint(0, count, (2, count), generator=draw)
    ends = ends[:, ends[0] != ends[1]].tolist()
    nodes = {
        "id": [f"p{i}" for i in range(count)],
        "age": [10.0 * t + i % 7 for i, t in enumerate(topic)],
        "word": ["abc"[t] * 2 if i % 3 else "aa" for i, t in enumerate(topic)],
        "topic": ["" if i % 10 == 0 else ("red", "green", "blue")[t] for i, t in enumerate(topic)],
    }
    edges = {side: [f"p{i}" for i in held] for side, held in zip(SIDES, ends, strict=True)}
    return nodes, edges


SIDES = ("source", "target")
NEW = {"id": ["q1", "q2", "q3"], "age": [3.0, 22.0, 8.0], "word": ["aa", "bb", "zz"]}
NEW_EDGES = {"source": ["q1", "q2", "q1"], "target": ["p1", "q1", "p5"]}


def train(task, model, folder, **options):
    return gv.fit(
        model, task, gv.Recipe(epochs=3, lr=0.05), folder=folder, progress=False, **options
    )


def gcn(task, width=4):
    return gv.models.build(
        "gcn", in_channels=task.in_channels, hidden_channels=width, num_classes=task.num_outputs
    )
