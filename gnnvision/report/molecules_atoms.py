"""Atom attributions: atoms colored by their contribution to a prediction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data import MoleculeTask
from gnnvision.explain import site_attributions
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import evaluating
from gnnvision.report.molecules_draw import Color, shorten_smiles
from gnnvision.report.molecules_sheet import MoleculeTile, draw_molecules
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.predictions import test_items, unit
from gnnvision.report.style import CLASS_COLORS
from gnnvision.training.folder import write_csv

__all__ = ["AtomAttributions", "atom_attributions", "attribute_atoms", "attribution_color"]

_SHOWN = 6
_STEPS = 200  # cheap for six molecules, and makes the attributions nearly complete
_COLUMNS = 3
_ATOMS = (5, 24)  # the number of atoms of a molecule to show


@dataclass(frozen=True)
class AtomAttributions:
    """Attributions of one output to the atoms of n molecules.

    Args:
        rows: the molecules.
        attributions: for each molecule, of its atoms.
        baseline: the output for the baseline, without atom features. Shape (n,).
        output: the output for the molecules. Shape (n,).
    """

    rows: list[int]
    attributions: list[NDArray[np.float64]]
    baseline: Tensor
    output: Tensor


def attribute_atoms(run: Run, rows: list[int], column: int) -> AtomAttributions:
    """Integrated gradients of the best seed's model, summed over the features of each atom."""
    task, model = run.molecules, run.result.model
    there = next((p.device for p in model.parameters()), torch.device("cpu"))
    members = torch.tensor(rows, device=task.y.device)
    graph = task.graphs.select(members).to(there)
    x = task.x[task.graphs.member_nodes(members)].to(there)
    attributions = site_attributions(model, x, graph, column, steps=_STEPS).cpu().double()
    with evaluating(model), torch.no_grad():
        output = call(model, x, graph)[:, column].cpu().double()
        baseline = call(model, torch.zeros_like(x), graph)[:, column].cpu().double()
    per_molecule = attributions.split(graph.offsets.diff().tolist())
    return AtomAttributions(rows, [a.numpy() for a in per_molecule], baseline, output)


def atom_attributions(run: Run) -> Section | None:
    """The section of atom attributions; None without test molecules."""
    task = run.molecules
    rows = _chosen(task)
    if not rows:
        return None
    column = _column(task)
    found = attribute_atoms(run, rows, column)
    figure = _draw(run, task, found)
    name = task.class_names[column]
    unit_ = f" {unit(task)}" if unit(task) else ""
    output = "prediction" if task.kind == "regression" else "logit"
    word = {6: "Six", 5: "Five", 4: "Four"}.get(len(rows), str(len(rows)))
    lead = (
        f"{word} random test molecules with the contribution of each atom to the {output} of "
        f"“{name}”. Orange atoms increase it, blue atoms decrease it."
    )
    sums = torch.tensor([a.sum() for a in found.attributions])
    gap = float((found.baseline + sums - found.output).abs().max())
    note = (
        "Integrated gradients with a baseline of all-zero atom features (Sundararajan, Taly, "
        "Yan, “Axiomatic Attribution for Deep Networks”, 2017, https://arxiv.org/abs/1703.01365; "
        f"Gauss-Legendre quadrature with {_STEPS} points). Baseline and attributions sum to "
        f"the {output}, here with an error of at most {gap:.2g}{unit_}. Attributions explain "
        "the network, not the chemistry."
    )
    if task.num_graph_attr:
        note += " The molecular descriptors stay fixed, so the baseline includes their effect."
    return Section("Atom attributions", lead, [figure], note=note, wide=True)


def attribution_color(value: float, most: float) -> Color:
    """Orange for a positive attribution, blue for a negative one, transparent for 0.

    Args:
        value: the attribution.
        most: the magnitude with the full color.
    """
    from matplotlib.colors import to_rgb

    share = float(np.clip(abs(value) / most, 0, 1)) if most > 0 else 0.0
    return (*to_rgb(CLASS_COLORS[1 if value > 0 else 0]), share)


def _chosen(task: MoleculeTask) -> list[int]:
    from rdkit.Chem.rdMolDescriptors import CalcMolFormula

    items = test_items(task)
    sizes = task.graphs.offsets.diff().cpu().numpy()[items]
    fitting = items[(sizes >= _ATOMS[0]) & (sizes <= _ATOMS[1])]
    pool = fitting if len(fitting) >= _SHOWN else items[sizes > 0]
    chosen: dict[str, int] = {}  # molecular formula -> row, to avoid isomers
    for row in np.random.default_rng(0).permutation(pool).tolist():
        chosen.setdefault(CalcMolFormula(task.featurizer.read(task.smiles[row])), row)
        if len(chosen) == _SHOWN:
            break
    return list(chosen.values())


def _column(task: MoleculeTask) -> int:
    """The output to explain: the target with the most known values, or the first class."""
    if task.kind == "classification" or task.num_outputs == 1:
        return 0
    return int((~task.y.isnan()).sum(0).argmax())


def _draw(run: Run, task: MoleculeTask, found: AtomAttributions) -> Figure:
    path = run.figures / "atoms.svg"
    most = float(max(np.abs(values).max() for values in found.attributions))
    tiles, rows = [], []
    for number, (row, values) in enumerate(zip(found.rows, found.attributions, strict=True)):
        mol = task.featurizer.read(task.smiles[row])
        start, end = float(found.baseline[number]), float(found.output[number])
        text = f"{start:.2f} {values.sum():+.2f} = {end:.2f}"
        colors = {atom: attribution_color(float(v), most) for atom, v in enumerate(values)}
        tiles.append(MoleculeTile(mol, [text], colors))
        rows += [
            {"row": row + 1, "smiles": task.smiles[row], "atom": atom.GetIdx()}
            | {"element": atom.GetSymbol(), "attribution": float(values[atom.GetIdx()])}
            | {"baseline": start, "prediction": end}
            for atom in mol.GetAtoms()
        ]
    named = f" ({unit(task)})" if unit(task) else ""
    label = f"decreases  ←  Atom attribution{named}  →  increases"
    draw_molecules(path, tiles, _COLUMNS, largest=most, label=label)
    write_csv(path.with_suffix(".csv"), rows)
    sums = "; ".join(
        f"{shorten_smiles(task.smiles[row], 40)}: {float(a):.2f} {v.sum():+.2f} = {float(b):.2f}"
        for row, v, a, b in zip(
            found.rows, found.attributions, found.baseline, found.output, strict=True
        )
    )
    output = "prediction" if task.kind == "regression" else "logit"
    caption = f"Above each molecule: baseline + sum of the atom attributions = {output}."
    return Figure(path, f"Molecules with atoms colored by attribution. {sums}.", caption)
