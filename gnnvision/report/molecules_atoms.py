"""Atoms colored by what they add to a prediction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data import MoleculeTask
from gnnvision.explain import site_attributions
from gnnvision.explain.trace import evaluating
from gnnvision.layers.calling import call
from gnnvision.report.molecules_draw import Color, molecule_picture, short
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.predictions import test_items, unit
from gnnvision.report.style import CLASS_COLORS, INK, drawing, plain_axes
from gnnvision.training.folder import write_csv

__all__ = ["Explained", "atoms", "explained", "heat"]

_SHOWN = 6
_STEPS = 200  # so many are cheap for six molecules, and their parts add up the better
_ATOMS = (5, 24)  # fewer say nothing, more cannot be seen


@dataclass(frozen=True)
class Explained:
    """The parts of some molecules' atoms in one output.

    Args:
        rows: the molecules.
        parts: of the atoms of each.
        baseline: the output without any features of atoms, of each. Shape (n,).
        output: the output. Shape (n,).
    """

    rows: list[int]
    parts: list[NDArray[np.float64]]
    baseline: Tensor
    output: Tensor


def explained(run: Run, rows: list[int], column: int) -> Explained:
    """Integrated gradients of the kept model, summed over the features of each atom."""
    task, model = run.molecules, run.result.model
    there = next((p.device for p in model.parameters()), torch.device("cpu"))
    members = torch.tensor(rows, device=task.y.device)
    graph = task.graphs.select(members).to(there)
    x = task.x[task.graphs.member_nodes(members)].to(there)
    parts = site_attributions(model, x, graph, column, steps=_STEPS).cpu().double()
    with evaluating(model), torch.no_grad():
        output = call(model, x, graph)[:, column].cpu().double()
        baseline = call(model, torch.zeros_like(x), graph)[:, column].cpu().double()
    sizes = graph.offsets.diff().tolist()
    return Explained(rows, [p.numpy() for p in parts.split(sizes)], baseline, output)


def atoms(run: Run) -> Section | None:
    """The section of colored atoms; None where the items are no molecules."""
    task = run.molecules
    rows = _chosen(task)
    if not rows:
        return None
    column = _column(task)
    found = explained(run, rows, column)
    picture = _draw(run, task, found)
    what = task.class_names[column]
    unit_ = f" {unit(task)}" if unit(task) else ""
    logit = "" if task.kind == "regression" else " before it becomes a probability (the logit)"
    word = {6: "Six", 5: "Five", 4: "Four"}.get(len(rows), str(len(rows)))
    lead = (
        f"{word} test molecules, drawn at random: what each atom adds to the prediction of "
        f"“{what}”{logit}. Orange atoms raise it, blue ones lower it."
    )
    off = (found.baseline + torch.tensor([p.sum() for p in found.parts]) - found.output).abs()
    note = (
        "Integrated gradients from a baseline without any features of atoms (Sundararajan, Taly, "
        "Yan, “Axiomatic Attribution for Deep Networks”, 2017, https://arxiv.org/abs/1703.01365; "
        f"Gauss-Legendre quadrature with {_STEPS} points). Baseline and parts add up to "
        f"the prediction; what is missing here is at most {float(off.max()):.2g}{unit_}. An "
        "atom's part is what the network makes of it in this molecule, which need not be the "
        "chemical reason."
    )
    if task.num_graph_attr:
        note += (
            " The descriptors of the whole molecule are kept as they are, so what they say is in "
            "the baseline."
        )
    return Section("What the atoms add", lead, [picture], note=note, wide=True)


def heat(value: float, most: float) -> Color:
    """Orange for what raises, blue for what lowers, white for nothing.

    Args:
        value: a part.
        most: the part that has the full color.
    """
    from matplotlib.colors import to_rgb

    share = float(np.clip(abs(value) / most, 0, 1)) if most > 0 else 0.0
    red, green, blue = to_rgb(CLASS_COLORS[1 if value > 0 else 0])
    return (1 - share * (1 - red), 1 - share * (1 - green), 1 - share * (1 - blue))


def _chosen(task: MoleculeTask) -> list[int]:
    from rdkit.Chem.rdMolDescriptors import CalcMolFormula

    items = test_items(task)
    sizes = task.graphs.offsets.diff().cpu().numpy()[items]
    fitting = items[(sizes >= _ATOMS[0]) & (sizes <= _ATOMS[1])]
    pool = fitting if len(fitting) >= _SHOWN else items[sizes > 0]
    chosen: dict[str, int] = {}  # by formula: no two isomers
    for row in np.random.default_rng(0).permutation(pool).tolist():
        chosen.setdefault(CalcMolFormula(task.featurizer.read(task.smiles[row])), row)
        if len(chosen) == _SHOWN:
            break
    return list(chosen.values())


def _column(task: MoleculeTask) -> int:
    """The output to explain: the first; of several targets, the one with the most rows."""
    if task.kind == "classification" or task.num_outputs == 1:
        return 0
    return int((~task.y.isnan()).sum(0).argmax())


def _draw(run: Run, task: MoleculeTask, found: Explained) -> Figure:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    path = run.figures / "atoms.png"
    most = float(max(np.abs(part).max() for part in found.parts))
    columns = 2 if len(found.rows) < 5 else 3
    lines = -(-len(found.rows) // columns)
    rows = []
    with drawing(path, 2.35 * lines + 0.7, 7.4) as figure:
        grid = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes in grid:
            plain_axes(axes)
        for number, (axes, row, part) in enumerate(
            zip(grid, found.rows, found.parts, strict=False)
        ):
            mol = task.featurizer.read(task.smiles[row])
            colors = {atom: heat(float(value), most) for atom, value in enumerate(part)}
            axes.imshow(molecule_picture(mol, colors=colors))
            start, end = float(found.baseline[number]), float(found.output[number])
            axes.set_title(
                f"{start:.2f} {part.sum():+.2f} = {end:.2f}", size=9, color=INK, loc="center"
            )
            rows += [
                {"row": row + 1, "smiles": task.smiles[row], "atom": atom.GetIdx()}
                | {"element": atom.GetSymbol(), "part": float(part[atom.GetIdx()])}
                | {"baseline": start, "prediction": end}
                for atom in mol.GetAtoms()
            ]
        scale = LinearSegmentedColormap.from_list(
            "parts", [CLASS_COLORS[0], "white", CLASS_COLORS[1]]
        )
        bar = figure.colorbar(
            ScalarMappable(Normalize(-most, most), scale),
            ax=grid.tolist(),
            orientation="horizontal",
            shrink=0.6,
            aspect=40,
        )
        named = f" ({unit(task)})" if unit(task) else ""
        bar.set_label(f"lowers the prediction   ←   an atom's part{named}   →   raises it")
    write_csv(path.with_suffix(".csv"), rows)
    told = "; ".join(
        f"{short(task.smiles[row], 40)}: {float(a):.2f} {p.sum():+.2f} = {float(b):.2f}"
        for row, p, a, b in zip(found.rows, found.parts, found.baseline, found.output, strict=True)
    )
    caption = "Above each molecule: baseline + sum of its atoms' parts = prediction."
    return Figure(path, f"Molecules with colored atoms. {told}.", caption)
