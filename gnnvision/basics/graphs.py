"""Graph convolution step by step: small graphs, their matrices as text, and worked entries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gnnvision.basics.calculation import Calculation
from gnnvision.domains import Graph, one_hot
from gnnvision.errors import invalid
from gnnvision.operators import normalized_adjacency

__all__ = [
    "GraphSteps",
    "graph_from_edges",
    "graph_steps",
    "matrix_text",
    "molecule_features",
    "node_features",
    "normalized_entry",
    "product_entry",
]

MAX_SHOWN = 12  # nodes; the matrices of more do not fit on a page
ELEMENTS = ("C", "N", "O", "other")
# Weights with few digits, by which some units are positive and some are not.
_FIRST = {
    "degree": (0.5, -0.5),
    "triangles": (0.0, 2.0),
    "C": (0.5, -0.5),
    "N": (0.0, 1.0),
    "O": (-0.5, 1.0),
    "other": (0.0, 0.0),
    "H": (0.5, -0.5),
}


def graph_from_edges(edges: Sequence[str]) -> Graph:
    """The undirected graph of edges like "A-B"; its nodes are in the order of their appearance.

    Args:
        edges: two names of nodes with a hyphen between them.

    Raises:
        ValueError: if an edge is not of this form or connects a node to itself, or there are
            more than 12 nodes, of which each number could not be shown.

    Example:
        >>> graph = graph_from_edges(["A-B", "B-C"])
        >>> graph.node_names, graph.num_edges
        (('A', 'B', 'C'), 4)
    """
    pairs = []
    for edge in edges:
        if not (match := re.fullmatch(r"\s*([^\s-]+)\s*-\s*([^\s-]+)\s*", edge)):
            advice = "Write for example A-B B-C."
            raise invalid("edges", "be two names with a hyphen between them", repr(edge), advice)
        if match[1] == match[2]:
            advice = "Leave it out; the convolution adds such edges itself."
            raise invalid("edges", "connect two different nodes", repr(edge), advice)
        pairs.append((match[1], match[2]))
    if not pairs:
        raise invalid("edges", "have at least one edge", "none", "Write for example A-B B-C.")
    names = tuple(dict.fromkeys(name for pair in pairs for name in pair))
    number = {name: n for n, name in enumerate(names)}
    bare = Graph.from_edges(
        [(number[a], number[b]) for a, b in pairs], len(names), undirected=True
    )
    return _small(Graph(bare.edge_index, len(names), node_names=names), "edges", "nodes")


def node_features(graph: Graph) -> tuple[Tensor, tuple[str, ...]]:
    """Two attributes of each node: its degree, and the number of triangles that it is part of.

    Args:
        graph: undirected, without self loops.

    Returns:
        The feature matrix X, shape (N, 2), and the names of its columns.

    Example:
        >>> node_features(graph_from_edges(["A-B", "B-C", "C-A", "C-D"]))[0].tolist()
        [[2.0, 1.0], [2.0, 1.0], [3.0, 1.0], [1.0, 0.0]]
    """
    A = graph.to_dense()
    return torch.stack([A.sum(1), (A @ A @ A).diagonal() / 2], dim=1), ("degree", "triangles")


def molecule_features(smiles: str) -> tuple[Graph, Tensor, tuple[str, ...]]:
    """A molecule with attributes of its atoms: the element as four columns, and the hydrogens.

    Args:
        smiles: of a molecule with at most 12 heavy atoms.

    Returns:
        The graph, X of shape (N, 5), and the names of its columns.

    Raises:
        ValueError: if rdkit cannot read the string, or the molecule is larger.

    Example:
        >>> graph, x, columns = molecule_features("CCO")
        >>> columns, x.tolist()[2]
        (('C', 'N', 'O', 'other', 'H'), [0.0, 0.0, 1.0, 0.0, 1.0])
    """
    from rdkit import Chem

    graph = _small(Graph.from_smiles(smiles), "smiles", "heavy atoms")
    atoms = Chem.MolFromSmiles(smiles.strip()).GetAtoms()
    symbols = [a.GetSymbol() if a.GetSymbol() in ELEMENTS else "other" for a in atoms]
    hydrogens = torch.tensor([[float(a.GetTotalNumHs())] for a in atoms])
    return graph, torch.cat([one_hot(symbols, ELEMENTS)[0], hydrogens], 1), (*ELEMENTS, "H")


def matrix_text(
    matrix: Tensor, rows: Sequence[object] = (), columns: Sequence[object] = (), digits: int = 3
) -> str:
    """A matrix as text, with the names of its rows and columns.

    Args:
        matrix: Shape (n, m), or (m,) for one row.
        rows: n names, or none.
        columns: m names, or none.
        digits: decimals; whole numbers have none.

    Example:
        >>> print(matrix_text(torch.tensor([[0.5, 1], [0, 2]]), "AB", ["x", "y"]))
             x  y
        A  0.5  1
        B    0  2
    """
    cells = [
        [_number(value, digits) for value in row] for row in torch.atleast_2d(matrix).tolist()
    ]
    if columns:
        cells.insert(0, [str(name) for name in columns])
    if rows:
        names = [""] * bool(columns) + [str(name) for name in rows]
        cells = [[name, *row] for name, row in zip(names, cells, strict=True)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        padded = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        if rows:
            padded[0] = row[0].ljust(widths[0])
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def normalized_entry(graph: Graph, i: int, j: int) -> Calculation:
    """Entry (i, j) of Â = D^(-1/2) (A + I) D^(-1/2), worked out.

    Args:
        graph: undirected.
        i: the node of the row.
        j: the node of the column.

    Example:
        >>> print(normalized_entry(graph_from_edges(["A-B", "B-C"]), 0, 1))
        1 / √(2·3)
        = 0.4082
    """
    loops = graph.to_dense() + torch.eye(graph.num_nodes)
    entry, degree = float(loops[i, j]), loops.sum(0)
    value = entry / float(degree[i] * degree[j]) ** 0.5
    degrees = f"{_number(float(degree[i]), 4)}·{_number(float(degree[j]), 4)}"
    return Calculation(value, (f"{_number(entry, 4)} / √({degrees})", f"= {_number(value, 4)}"))


def product_entry(left: Tensor, right: Tensor, i: int, j: int) -> Calculation:
    """Entry (i, j) of a matrix product, worked out; terms that are 0 are left out.

    Args:
        left: Shape (n, k).
        right: Shape (k, m).
        i: the row.
        j: the column.

    Example:
        >>> X = torch.tensor([[2.0], [3.0], [4.0]])
        >>> print(product_entry(torch.tensor([[0.5, 0, 1]]), X, 0, 0))
        0.5·2 + 1·4
        = 1 + 4 = 5
    """
    pairs = [
        (a, b) for a, b in zip(left[i].tolist(), right[:, j].tolist(), strict=True) if a and b
    ]
    value = float(left[i] @ right[:, j])
    if not pairs:
        return Calculation(0.0, ("0",))
    factors = " + ".join(f"{_factor(a)}·{_factor(b)}" for a, b in pairs)
    terms = " + ".join(_factor(a * b) for a, b in pairs)
    end = f" = {_number(value, 4)}" if len(pairs) > 1 else ""
    return Calculation(value, (factors, f"= {terms}{end}"))


@dataclass(frozen=True)
class GraphSteps:
    """All matrices from a graph to a prediction; `print` shows them with their names.

    Args:
        graph: the graph.
        columns: the names of the features.
        matrices: by their formulas, in order.
    """

    graph: Graph
    columns: tuple[str, ...]
    matrices: dict[str, Tensor]

    def __str__(self) -> str:
        names = self.graph.node_names or tuple(range(self.graph.num_nodes))
        rows = [f"{name}{n}" if len(set(names)) < len(names) else str(name)
                for n, name in enumerate(names)]  # fmt: skip
        texts = []
        for name, matrix in self.matrices.items():
            of_nodes = matrix.ndim == 2 and len(matrix) == len(rows) and not name.startswith("W")
            square = of_nodes and matrix.shape[1] == len(rows) and not name.startswith("X")
            columns: Sequence[object] = rows if square else ()
            columns = self.columns if name.startswith(("X", "Â X:")) else columns
            heads = self.columns if name.startswith("W₁") else rows if of_nodes else ()
            texts.append(f"{name}\n{matrix_text(matrix, heads, columns)}")
        return "\n\n".join(texts)


def graph_steps(graph: Graph, x: Tensor, columns: Sequence[str]) -> GraphSteps:
    """The steps of a small graph convolutional network with two layers and given weights.

    Args:
        graph: undirected.
        x: the features X. Shape (N, C).
        columns: their C names.

    Returns:
        A, X, A + I, its degrees, Â, then each product up to the probabilities of two classes.

    Example:
        >>> graph = graph_from_edges(["A-B", "B-C"])
        >>> steps = graph_steps(graph, *node_features(graph))
        >>> [round(p, 3) for p in steps.matrices["softmax(z): probabilities"].tolist()]
        [0.439, 0.561]
    """
    A, A_hat = graph.to_dense(), normalized_adjacency(graph).to_dense()
    loops = A + torch.eye(graph.num_nodes)
    W1 = torch.tensor([_FIRST.get(name, (0.5, -0.5)) for name in columns])
    b1, b2 = torch.tensor([-0.5, 0.0]), torch.tensor([0.0, 0.5])
    W2, V = torch.tensor([[1.0, -1.0], [0.5, 1.0]]), torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    aggregated = A_hat @ x
    summed = aggregated @ W1 + b1
    hidden = summed.relu()
    second = A_hat @ hidden @ W2 + b2
    mean = second.mean(0)
    matrices = {
        "A: adjacency matrix": A,
        "X: features": x,
        "A + I: with self loops": loops,
        "d: degrees, the row sums of A + I": loops.sum(1),
        "Â = D^(-1/2) (A + I) D^(-1/2)": A_hat,
        "Â X: means over neighbors, weighted": aggregated,
        "W₁: weights": W1,
        "b₁: bias": b1,
        "Â X W₁ + b₁": summed,
        "H = ReLU(Â X W₁ + b₁)": hidden,
        "W₂: weights": W2,
        "Â H W₂ + b₂": second,
        "m: mean over the nodes (readout)": mean,
        "z = m V: logits": mean @ V,
        "softmax(z): probabilities": (mean @ V).softmax(0),
    }
    return GraphSteps(graph, tuple(columns), matrices)


def _small(graph: Graph, name: str, what: str) -> Graph:
    """The graph, if each of its numbers can be shown."""
    if graph.num_nodes > MAX_SHOWN:
        condition = f"have at most {MAX_SHOWN} {what}, so that each number can be shown"
        raise invalid(name, condition, graph.num_nodes, "Choose a smaller one.")
    return graph


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _factor(value: float) -> str:
    text = _number(value, 4)
    return f"({text})" if text.startswith("-") else text
