"""Graphs that need no download: included in this package or in a dependency."""

from __future__ import annotations

import numpy as np

from gnnvision.data.arrays import NodeArrays, read_npz
from gnnvision.data.card import Card
from gnnvision.data.files import read_verified
from gnnvision.data.graphs.planetoid import undirected_edges
from gnnvision.data.root import datasets_folder

__all__ = ["read_embedded", "read_karate"]


def read_embedded(card: Card) -> NodeArrays:
    """The arrays of the card's one npz file in `datasets/embedded`, verified.

    Raises:
        ChecksumError: The file differs from the one that the card describes.
        ValueError: The arrays in it are inconsistent.
    """
    content = read_verified(card, datasets_folder() / "embedded")
    (data,) = content.values()
    return read_npz(data)


def read_karate(card: Card) -> NodeArrays:
    """Zachary's karate club from networkx, with the split listed in the card."""
    import networkx as nx

    club = nx.karate_club_graph()
    n = club.number_of_nodes()
    sides = [club.nodes[node]["club"] for node in range(n)]
    rule = card.split_rule("public")
    return NodeArrays(
        edge_index=undirected_edges(np.array(list(club.edges())).T, n),
        feature_indptr=np.arange(n + 1),
        feature_indices=np.arange(n),
        feature_data=np.ones(n, dtype=np.float32),
        feature_shape=np.array([n, n]),
        y=np.array([card.class_names.index(side) for side in sides]),
        train=np.array(rule.train),
        val=np.array(rule.val),
        test=np.array(rule.test),
        node_names=np.array([str(node) for node in range(n)]),
        class_names=np.array(card.class_names),
        feature_names=np.array([f"member {node}" for node in range(n)]),
    )
