"""The node sets of the Open Graph Benchmark by name, from a folder that the user puts in place."""

from __future__ import annotations

from dataclasses import replace

from gnnvision.data.card import Card
from gnnvision.data.errors import DataNotFound, invalid_file
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.ogb_folder import is_ogb, read_ogb_folder
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.root import data_root
from gnnvision.data.split import Split

__all__ = ["load_ogb"]


def load_ogb(card: Card, options: GraphOptions, requested: str) -> NodeTask:
    """The task of an OGB node set, from the folder below the data root that OGB's package makes.

    It is not downloaded: no checksum of the files is known.

    Raises:
        DataNotFound: The folder does not exist; the message says where to get it.
        ValueError: An option does not apply, or the files are those of another dataset.
    """
    options.only({"undirected"}, "an OGB dataset")
    folder = data_root(options.root) / card.folder
    if not is_ogb(folder):
        raise DataNotFound(
            f"{card.title} is not below the data root. Unpack its archive so that these files "
            f"are there, or let the package ogb download it into {folder.parent}",
            [file.path for file in card.files], folder, card.urls * len(card.files),
        )  # fmt: skip
    undirected = True if options.undirected is None else options.undirected
    task = read_ogb_folder(folder, replace(options, undirected=undirected), requested)
    assert isinstance(task, NodeTask)
    found = {"num_nodes": task.graph.num_nodes, "num_features": task.in_channels,
             "num_classes": task.num_outputs}  # fmt: skip
    known = {name: card.facts[name] for name in found}
    if found != known:
        advice = "They are those of another dataset; get the published ones."
        raise invalid_file(f"The files of {card.name!r}", f"have {known}", found, advice)
    split = task.split
    if options.split == "public":
        split = Split("public", split.train, split.val, split.test)
    return replace(task, name=card.name, requested=requested, card=card, split=split)
