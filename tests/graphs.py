"""Graphs for the tests: the awkward ones by name, and random ones for hypothesis."""

import torch
from hypothesis import strategies as st

from gnnvision import Graph

RELATIONS = 3


def make(pairs, num_nodes, weight=None, **more):
    """A graph with relations and two attributes on each edge, which layers may ignore."""
    edges = len(pairs)
    generator = torch.Generator().manual_seed(edges)
    return Graph(
        torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).t(),
        num_nodes,
        edge_weight=None if weight is None else torch.tensor(weight),
        edge_attr=torch.randn(edges, 2, generator=generator),
        edge_type=torch.arange(edges) % RELATIONS,
        num_relations=RELATIONS,
        **more,
    )


def undirected():
    """A triangle with a tail."""
    pairs = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)]
    return make(pairs + [(j, i) for i, j in pairs], 5)


def directed():
    return make([(0, 1), (0, 2), (1, 3), (3, 0), (4, 3)], 5, [0.5, 2.0, 1.5, 0.25, 3.0])


def multi():
    """Directed and weighted, with parallel edges, loops, and node 4 alone."""
    pairs = [(0, 1), (0, 1), (1, 1), (1, 2), (2, 0), (2, 0), (3, 3), (5, 2), (2, 5)]
    return make(pairs, 6, [0.5, 2.0, 1.5, 0.25, 3.0, 1.0, 0.75, 0.1, 1.1])


def negative():
    """Weights that add up to less than nothing, and to nothing."""
    pairs = [(0, 1), (1, 0), (1, 2), (2, 1), (0, 3), (3, 0), (2, 3)]
    return make(pairs, 4, [-2.0, -2.0, 1.5, 0.5, 1.0, 2.0, -1.5])


def batch():
    """Members with edges, without edges and without nodes, the first and last among those."""
    nothing, alone = make([], 0), make([], 2)
    return Graph.batch([nothing, undirected(), alone, nothing, directed(), alone])


GRAPHS = {
    "undirected": undirected,
    "directed": directed,
    "multi": multi,
    "negative": negative,
    "one node": lambda: make([], 1),
    "one loop": lambda: make([(0, 0)], 1),
    "no edges": lambda: make([], 3),
    "no nodes": lambda: make([], 0),
    "batch": batch,
}


@st.composite
def random_graphs(draw, weighted=None, max_nodes=7):
    """Any directed multigraph with loops, weights of at least 1/4."""
    num_nodes = draw(st.integers(1, max_nodes))
    node = st.integers(0, num_nodes - 1)
    pairs = draw(st.lists(st.tuples(node, node), max_size=14))
    if weighted is None:
        weighted = draw(st.booleans())
    quarters = st.integers(1, 12).map(lambda n: n / 4)
    weight = [draw(quarters) for _ in pairs] if weighted else None
    return make(pairs, num_nodes, weight)
