"""How a molecule becomes matrices: its drawing, its adjacency matrix and its feature matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data import MoleculeTask
from gnnvision.domains import Graph
from gnnvision.report.molecules_draw import molecule_picture, short
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.predictions import test_items
from gnnvision.report.style import FAINT, INK, MATRIX_MAP, drawing, plain_axes
from gnnvision.training.folder import write_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rdkit.Chem import Mol

__all__ = ["bond_matrix", "feature_matrix", "matrices"]

KINDS = ("single", "double", "triple", "aromatic", "other")
MARKS = ("", "1", "2", "3", "a", "?")
_COLORS = ("white", "#56B4E9", "#E69F00", "#CC79A7", "#009E73", "#b9c0c8")
_WANTED = 9  # atoms of a molecule that is small and still has something to see


def matrices(run: Run) -> Section | None:
    """The section of the matrices; None where the items are no molecules."""
    task = run.molecules
    row = _chosen(task)
    if row is None:
        return None
    mol = task.featurizer.read(task.smiles[row])
    names = [f"{atom.GetIdx()} {atom.GetSymbol()}" for atom in mol.GetAtoms()]
    kinds = bond_matrix(mol)
    held, columns = feature_matrix(task, row)
    pictures = [_drawing(run, mol, names), _adjacency(run, names, kinds)]
    alone = [f"is atom {name}" for name in names]
    pictures.append(_features(run, "identity", names, np.eye(len(names), dtype=np.float32), alone))
    pictures.append(_features(run, "features", names, held, columns))
    bonds = mol.GetNumBonds()
    lead = (
        f"One test molecule, {short(task.smiles[row])}, as the network gets it. Each of its "
        f"{len(names)} atoms is a node and each of its {bonds} bonds an edge in both directions. "
        "Step 1: the adjacency matrix says which atoms are bonded, and how. Step 2: the feature "
        "matrix has a row for each atom. The simplest is the identity matrix, by which atoms "
        "differ by their numbers alone and nothing learned on one molecule would hold for "
        "another; so the network gets chosen attributes instead, which say what an atom is."
    )
    note = (
        f"Of {task.in_channels} columns of features only those are shown that some atom of this "
        "molecule has. A graph convolution multiplies the two matrices and a matrix of weights, "
        "ReLU(S X W); the mean over the rows of the last one is the vector of the whole molecule, "
        "from which the prediction is made."
    )
    return Section("How a molecule becomes matrices", lead, pictures, note=note, wide=True)


def bond_matrix(mol: Mol) -> NDArray[np.int64]:
    """The kind of the bond between each two atoms: 0 for none, else 1 + its place in `KINDS`."""
    size = mol.GetNumAtoms()
    out = np.zeros((size, size), dtype=np.int64)
    graph = Graph.from_mol(mol)
    assert graph.edge_type is not None
    ends, kinds = graph.edge_index.numpy(), graph.edge_type.numpy()
    out[ends[0], ends[1]] = kinds + 1
    return out


def feature_matrix(task: MoleculeTask, row: int) -> tuple[NDArray[np.float32], list[str]]:
    """The features of a molecule's atoms in the columns that are not all zero, and their names."""
    nodes = task.graphs.member_nodes([row])
    x = task.x[nodes].cpu().numpy()
    here = np.flatnonzero(x.any(0))
    names = task.featurizer.atom_columns
    return x[:, here], [names[column] for column in here.tolist()]


def _chosen(task: MoleculeTask) -> int | None:
    """The test molecule that shows most: several elements and kinds of bonds, but few atoms."""
    best, score = None, -np.inf
    for row in test_items(task)[:300].tolist():
        graph = task.graphs.select([row])
        if not 4 <= graph.num_nodes <= 14:
            continue
        mol = task.featurizer.read(task.smiles[row])
        elements = len({atom.GetSymbol() for atom in mol.GetAtoms()})
        kinds = len({str(bond.GetBondType()) for bond in mol.GetBonds()})
        value = 2.0 * min(elements, 3) + 2.0 * min(kinds, 3) - 0.5 * abs(graph.num_nodes - _WANTED)
        if value > score:
            best, score = row, value
    return best


def _drawing(run: Run, mol: Mol, names: list[str]) -> Figure:
    path = run.figures / "molecule.png"
    with drawing(path, 4.2) as figure:
        axes = figure.add_subplot()
        plain_axes(axes)
        axes.imshow(molecule_picture(mol, (900, 680), numbered=True))
        axes.set_title("The molecule, its atoms numbered")
    write_csv(
        path.with_suffix(".csv"),
        [
            {"atom": atom.GetIdx(), "element": atom.GetSymbol(), "hydrogens": atom.GetTotalNumHs()}
            for atom in mol.GetAtoms()
        ],
    )
    return Figure(path, f"Drawing of a molecule of {len(names)} atoms: {', '.join(names)}.")


def _adjacency(run: Run, names: list[str], kinds: NDArray[np.int64]) -> Figure:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    path, size = run.figures / "adjacency.png", len(names)
    with drawing(path, 4.9) as figure:
        axes = figure.add_subplot()
        axes.imshow(kinds, cmap=ListedColormap(_COLORS), vmin=-0.5, vmax=5.5)
        _lines(axes, size, size)
        for (i, j), kind in np.ndenumerate(kinds):
            text: dict[str, Any] = {"ha": "center", "va": "center", "size": 9, "color": INK}
            axes.text(j, i, MARKS[kind] or "·", **text)
        axes.set_xticks(range(size), names, rotation=90)
        axes.set_yticks(range(size), names)
        axes.set_title("Step 1: adjacency matrix, with bond kinds")
        used = sorted(set(kinds[kinds > 0].tolist()))
        labels = [f"{MARKS[k]}: {KINDS[k - 1]}" for k in used]
        handles = [Patch(fc=_COLORS[k], label=t) for k, t in zip(used, labels, strict=True)]
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
    run: Run, name: str, names: list[str], held: NDArray[np.float32], columns: list[str]
) -> Figure:
    path = run.figures / f"{name}.png"
    first = name == "identity"
    with drawing(path, 0.28 * len(columns) + 1.3) as figure:
        axes = figure.add_subplot()
        axes.imshow(held.T, cmap=MATRIX_MAP, vmin=0, vmax=1.3, aspect="auto")
        _lines(axes, len(names), len(columns))
        for (i, j), value in np.ndenumerate(held):
            shown = "·" if value == 0 else "1" if value == 1 else f"{value:.2f}"
            ink = "white" if value > 0.8 else INK
            axes.text(i, j, shown, ha="center", va="center", size=8, color=ink)
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(columns)), [c.replace("=", " = ") for c in columns])
        title = "identity matrix" if first else "chosen attributes"
        axes.set_title(f"Step 2, {'first' if first else 'then'}: {title}, lying on its side")
    write_csv(
        path.with_suffix(".csv"),
        [
            {"atom": name} | dict(zip(columns, row, strict=True))
            for name, row in zip(names, held.tolist(), strict=True)
        ],
    )
    alt = f"Feature matrix of {len(names)} atoms with the columns {', '.join(columns)}."
    said = "What a molecule would be without attributes." if first else "What the network gets."
    return Figure(path, alt, f"A column of this picture is an atom, a row is a feature. {said}")


def _lines(axes: Axes, wide: int, high: int) -> None:
    """Thin lines between the cells of a matrix."""
    axes.grid(False)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(wide + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(high + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=FAINT, linewidth=0.8)
    axes.tick_params(which="minor", length=0)
