"""The input of the network for one molecule: adjacency matrix and feature matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data import MoleculeTask
from gnnvision.domains import Graph
from gnnvision.report.molecules_draw import shorten_smiles
from gnnvision.report.molecules_sheet import MoleculeTile, draw_molecules
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.predictions import test_items
from gnnvision.report.style import FAINT, INK, MATRIX_MAP, drawing
from gnnvision.training.folder import write_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rdkit.Chem import Mol

__all__ = ["bond_matrix", "feature_matrix", "molecule_matrices"]

KINDS = ("single", "double", "triple", "aromatic", "other")
MARKS = ("", "1", "2", "3", "a", "?")
_COLORS = ("#56B4E9", "#E69F00", "#CC79A7", "#009E73", "#b9c0c8")
_ON_COLOR = "#101010"  # of text on these colors, in light and dark pages
_IDEAL_SIZE = 9  # atoms of a molecule that is small but not trivial


def molecule_matrices(run: Run) -> Section | None:
    """The section of the matrices of one molecule; None without a suitable test molecule."""
    task = run.molecules
    row = _chosen(task)
    if row is None:
        return None
    mol = task.featurizer.read(task.smiles[row])
    names = [f"{atom.GetIdx()} {atom.GetSymbol()}" for atom in mol.GetAtoms()]
    kinds = bond_matrix(mol)
    x, columns = feature_matrix(task, row)
    identity = np.eye(len(names), dtype=np.float32)
    figures = [
        _structure(run, mol, names),
        _adjacency(run, names, kinds),
        _features(run, "identity", names, identity, [f"is atom {name}" for name in names]),
        _features(run, "features", names, x, columns),
    ]
    lead = (
        f"The test molecule {shorten_smiles(task.smiles[row])} as input of the network. Its "
        f"{len(names)} atoms are nodes and its {mol.GetNumBonds()} bonds are edges in both "
        "directions. Step 1: the adjacency matrix contains the bonds and their types. Step 2: the "
        "feature matrix has one row per atom. The simplest choice is the identity matrix, but "
        "then atoms have only an index and nothing transfers between molecules. So the network "
        "gets chemical features instead."
    )
    note = (
        f"Of the {task.in_channels} feature columns, those that are zero for all atoms are "
        "omitted. A graph convolution multiplies the two matrices with a weight matrix, "
        "ReLU(S X W). The mean over the rows of the last layer is the embedding of the molecule, "
        "from which the prediction is computed."
    )
    return Section("Adjacency and feature matrices", lead, figures, note=note, wide=True)


def bond_matrix(mol: Mol) -> NDArray[np.int64]:
    """The bond type between each pair of atoms: 0 for none, else 1 + its index in `KINDS`."""
    size = mol.GetNumAtoms()
    out = np.zeros((size, size), dtype=np.int64)
    graph = Graph.from_mol(mol)
    assert graph.edge_type is not None
    ends, kinds = graph.edge_index.numpy(), graph.edge_type.numpy()
    out[ends[0], ends[1]] = kinds + 1
    return out


def feature_matrix(task: MoleculeTask, row: int) -> tuple[NDArray[np.float32], list[str]]:
    """The nonzero columns of a molecule's feature matrix, and their names."""
    nodes = task.graphs.member_nodes([row])
    x = task.x[nodes].cpu().numpy()
    used = np.flatnonzero(x.any(0))
    names = task.atom_columns
    return x[:, used], [names[column] for column in used.tolist()]


def _chosen(task: MoleculeTask) -> int | None:
    """A small test molecule with several elements and bond types."""
    best, score = None, -np.inf
    for row in test_items(task)[:300].tolist():
        graph = task.graphs.select([row])
        if not 4 <= graph.num_nodes <= 14:
            continue
        mol = task.featurizer.read(task.smiles[row])
        elements = len({atom.GetSymbol() for atom in mol.GetAtoms()})
        kinds = len({str(bond.GetBondType()) for bond in mol.GetBonds()})
        value = (
            2.0 * min(elements, 3) + 2.0 * min(kinds, 3) - 0.5 * abs(graph.num_nodes - _IDEAL_SIZE)
        )
        if value > score:
            best, score = row, value
    return best


def _structure(run: Run, mol: Mol, names: list[str]) -> Figure:
    path = run.figures / "molecule.svg"
    title = "Structural formula with atom indices"
    draw_molecules(path, [MoleculeTile(mol, numbered=True)], 1, size=(900, 640), title=title)
    write_csv(
        path.with_suffix(".csv"),
        [
            {"atom": atom.GetIdx(), "element": atom.GetSymbol(), "hydrogens": atom.GetTotalNumHs()}
            for atom in mol.GetAtoms()
        ],
    )
    return Figure(path, f"Structural formula with {len(names)} atoms: {', '.join(names)}.")


def _adjacency(run: Run, names: list[str], kinds: NDArray[np.int64]) -> Figure:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    path, size = run.figures / "adjacency.svg", len(names)
    with drawing(path, 4.9) as figure:
        axes = figure.add_subplot()
        shown = np.ma.masked_equal(kinds, 0)  # other cells have the color of the page
        axes.imshow(shown, cmap=ListedColormap(_COLORS), vmin=0.5, vmax=5.5)
        _cell_borders(axes, size, size)
        for (i, j), kind in np.ndenumerate(kinds):
            color = _ON_COLOR if kind else INK
            text: dict[str, Any] = {"ha": "center", "va": "center", "size": 9, "color": color}
            axes.text(j, i, MARKS[kind] or "·", **text)
        axes.set_xticks(range(size), names, rotation=90)
        axes.set_yticks(range(size), names)
        axes.set_title("Step 1: adjacency matrix with bond types")
        used = sorted(set(kinds[kinds > 0].tolist()))
        labels = [f"{MARKS[k]}: {KINDS[k - 1]}" for k in used]
        handles = [Patch(fc=_COLORS[k - 1], label=t) for k, t in zip(used, labels, strict=True)]
        figure.legend(handles=handles, loc="outside lower left", ncols=4)
    words = ["", *KINDS]
    write_csv(
        path.with_suffix(".csv"),
        [
            {"atom": name} | {other: words[k] for other, k in zip(names, row, strict=True)}
            for name, row in zip(names, kinds.tolist(), strict=True)
        ],
    )
    bonds = [
        f"{names[i]} to {names[j]} {KINDS[kinds[i, j] - 1]}"
        for i, j in np.argwhere(np.triu(kinds)).tolist()
    ]
    return Figure(path, f"Adjacency matrix of {size} atoms. Bonds: {'; '.join(bonds)}.")


def _features(
    run: Run, name: str, names: list[str], x: NDArray[np.float32], columns: list[str]
) -> Figure:
    path = run.figures / f"{name}.svg"
    first = name == "identity"
    with drawing(path, 0.28 * len(columns) + 1.3) as figure:
        axes = figure.add_subplot()
        axes.imshow(x.T, cmap=MATRIX_MAP, vmin=0, vmax=1.3, aspect="auto")
        _cell_borders(axes, len(names), len(columns))
        for (i, j), value in np.ndenumerate(x):
            shown = "·" if value == 0 else "1" if value == 1 else f"{value:.2f}"
            ink = "white" if value > 0.8 else INK
            axes.text(i, j, shown, ha="center", va="center", size=8, color=ink)
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(columns)), [c.replace("=", " = ") for c in columns])
        title = "identity matrix" if first else "feature matrix"
        axes.set_title(f"Step 2{'a' if first else 'b'}: {title}, transposed")
    write_csv(
        path.with_suffix(".csv"),
        [
            {"atom": name} | dict(zip(columns, row, strict=True))
            for name, row in zip(names, x.tolist(), strict=True)
        ],
    )
    alt = f"Feature matrix of {len(names)} atoms with the columns {', '.join(columns)}."
    use = "Without chemical features" if first else "Input of the network"
    return Figure(path, alt, f"{use}: one column per atom, one row per feature.")


def _cell_borders(axes: Axes, wide: int, high: int) -> None:
    """Draw thin lines between the cells of a matrix."""
    axes.grid(False)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(wide + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(high + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=FAINT, linewidth=0.8)
    axes.tick_params(which="minor", length=0)
