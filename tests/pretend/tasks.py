"""Small tasks of every kind of the package, made on the spot."""

from __future__ import annotations

from dataclasses import replace

import torch

import gnnvision as gv

from ..data.images import made

SMILES = ["CCO", "CCCCO", "c1ccccc1", "CC(=O)O", "CCN", "CCCl", "CCBr", "C1CCCCC1", "OCCO"]


def nodes():
    return gv.data.load("karate")


def stored():
    task = nodes()
    return replace(task, x=task.x.to_dense(), graph=task.graph.by_target)


def molecules(folder, count=90, multilabel=False):
    """The length of molecules, or two questions about them; a few targets are missing."""
    rows = ["C" * (n // 9) + SMILES[n % 9] for n in range(count)]
    head, lines = "smiles,length,oxygen", []
    for number, text in enumerate(rows):
        length = int(len(text) > 6) if multilabel else len(text) / 2
        lines.append(f"{text},{'' if number % 7 == 3 else length},{int('O' in text)}")
    path = folder / "molecules.csv"
    path.write_text("\n".join([head, *lines]))
    targets = ("length", "oxygen") if multilabel else ("length",)
    return gv.data.load(path, smiles="smiles", targets=targets, split="random")


def graphs(count=60):
    """Rings and paths, to be told apart."""
    sizes = [4 + n // 2 % 5 for n in range(count)]
    made_ = []
    for number, size in enumerate(sizes):
        edges = [(i, i + 1) for i in range(size - 1)] + ([(size - 1, 0)] if number % 2 else [])
        made_.append(gv.Graph.from_edges(edges, size, undirected=True))
    whole = gv.Graph.batch(made_)
    y = torch.arange(count) % 2
    given = gv.data.load("karate")
    return gv.data.GraphTask(
        name="rings",
        requested="rings",
        kind="classification",
        in_channels=1,
        num_outputs=2,
        class_names=("path", "ring"),
        split=gv.data.Split("public", range(40), range(40, 50), range(50, count)),
        card=replace(given.card, name="rings", title="Rings", kind="graph"),
        data_hash="0" * 64,
        graphs=whole,
        x=torch.ones(whole.num_nodes, 1),
        y=y,
    )


def images(augment=None, n=80, size=(12, 12)):
    return made.task(n, size, augment=augment)
