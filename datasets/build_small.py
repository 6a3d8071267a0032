"""Build `embedded/karate.npz` and `embedded/digits.npz` from networkx and scikit-learn.

    python datasets/build_small.py

They are embedded so that neither package is needed to load them. The split of the karate club is
that of its card. The script prints the sizes and checksums for the cards.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from gnnvision.data import describe


def karate() -> dict[str, NDArray[Any]]:
    """The arrays of Zachary's karate club: edges in both directions, identity features."""
    card, club = describe("karate"), nx.karate_club_graph()
    count, rule = club.number_of_nodes(), card.split_rule("public")
    dense = nx.to_numpy_array(club, weight=None)
    sides = [club.nodes[node]["club"] for node in range(count)]
    return {
        "edge_index": np.stack(np.nonzero(dense)),
        "feature_indptr": np.arange(count + 1),
        "feature_indices": np.arange(count),
        "feature_data": np.ones(count, dtype=np.float32),
        "feature_shape": np.array([count, count]),
        "y": np.array([card.class_names.index(side) for side in sides]),
        "train": np.array(rule.train),
        "val": np.array(rule.val),
        "test": np.array(rule.test),
        "node_names": np.array([str(node) for node in range(count)]),
        "class_names": np.array(card.class_names),
        "feature_names": np.array([f"member {node}" for node in range(count)]),
    }


def digits() -> dict[str, NDArray[Any]]:
    """The handwritten digits, with 17 gray levels from 0 to 16."""
    held = load_digits()
    return {"levels": held.images.astype(np.uint8), "y": held.target.astype(np.uint8)}


def main() -> None:
    """Write both files next to this script, or into the folder that is given."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "embedded")
    for name, arrays in (("karate", karate()), ("digits", digits())):
        path = folder / f"{name}.npz"
        np.savez_compressed(path, allow_pickle=False, **arrays)
        content = path.read_bytes()
        print(f"{path.name}: size = {len(content)}, {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
