"""How like the training molecules a molecule is, and what that says of the prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gnnvision.data import MoleculeTask
from gnnvision.report.answers import errors, tested, unit
from gnnvision.report.look import drawn
from gnnvision.report.parts import Picture, Run, Section, Table
from gnnvision.report.style import CLASS_COLORS, INK, drawing, legend_below
from gnnvision.training.folder import write_csv

__all__ = ["Nearest", "alike", "nearest", "off_by_molecule"]

RADIUS, BITS = 2, 2048
EDGES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
_MOST = 1000
_FEWEST = 5  # molecules of a bin that is spoken of
_HELD: WeakKeyDictionary[MoleculeTask, list[Any]] = WeakKeyDictionary()  # of the training part


@dataclass(frozen=True)
class Nearest:
    """The training molecule most like each of some molecules.

    Args:
        rows: the training molecules' rows. Shape (n,).
        similarity: Tanimoto's, from 0 to 1. Shape (n,).
    """

    rows: NDArray[np.int64]
    similarity: NDArray[np.float64]


def nearest(task: MoleculeTask, asked: Sequence[int]) -> Nearest:
    """The training molecule most like each of some rows.

    Likeness is Tanimoto's coefficient of the Morgan fingerprints, radius 2, 2048 bits: the share
    of the surroundings of atoms, up to two bonds wide, that both have of those that either has.

    Args:
        task: its molecules and its split.
        asked: rows that are molecules.

    References:
        Rogers, Hahn, "Extended-Connectivity Fingerprints", 2010,
        https://doi.org/10.1021/ci100050t.
    """
    from rdkit import DataStructs

    train = np.array(task.split.train, dtype=np.int64)
    if task not in _HELD:  # two sections ask
        _HELD[task] = _prints(task, train.tolist())
    best, similarity = [], []
    for mark in _prints(task, asked):
        shares = DataStructs.BulkTanimotoSimilarity(mark, _HELD[task])
        place = int(np.argmax(shares))
        best.append(int(train[place]))
        similarity.append(float(shares[place]))
    return Nearest(np.array(best, dtype=np.int64), np.array(similarity, dtype=np.float64))


def off_by_molecule(task: MoleculeTask, off: NDArray[np.float64]) -> NDArray[np.float64]:
    """One error for each molecule: the mean over its known targets, each in its own spread.

    Args:
        task: whose molecules.
        off: what `errors` returned. Shape (G, T).

    Returns:
        Shape (G,); NaN where no target is known. With one target, in its unit.
    """
    if off.shape[1] > 1 and (moments := task.target_moments) is not None:
        off = off / moments[1].cpu().double().numpy()
    known = ~np.isnan(off)
    total = np.where(known, off, 0).sum(1)
    return np.where(known.any(1), total / np.maximum(known.sum(1), 1), np.nan)


def alike(run: Run) -> Section | None:
    """The section of error against likeness; None where the items are no molecules."""
    task, said = run.result.task, run.answered
    if not isinstance(task, MoleculeTask) or said is None or not len(task.split.train):
        return None
    off = off_by_molecule(task, errors(task, said))
    items = tested(task)
    items = drawn(items[~np.isnan(off[items])], _MOST)
    if not len(items):
        return None
    found = nearest(task, items.tolist())
    words = _words(task)
    rows, bars = [], []
    places = np.clip(np.searchsorted(EDGES, found.similarity, "right") - 1, 0, len(EDGES) - 2)
    for place in range(len(EDGES) - 1):
        here = off[items][places == place]
        if not len(here):
            continue
        label = f"{EDGES[place]:.1f} to {EDGES[place + 1]:.1f}"
        middle, high = float(np.median(here)), float(np.quantile(here, 0.9))
        rows.append(
            (label, f"{here.mean():.3f}", f"{middle:.3f}", f"{high:.3f}", f"{len(here):,}")
        )
        bars.append(
            {"similarity": label, "mean": float(here.mean()), "median": middle, "p90": high}
            | {"count": len(here)}
        )
    picture = _draw(run, found.similarity, off[items], items, bars, places, words)
    head = ("Likeness", "Mean error", "Median", "90 % below", "Count")
    note = (
        f"Likeness is Tanimoto's coefficient of Morgan fingerprints (radius {RADIUS}, {BITS} "
        f"bits) with the nearest training molecule: 1 for the same surroundings of all atoms. "
        f"Error: {words}. The kept model is measured, on its own test part."
    )
    if len(items) < len(task.split.test):
        note += f" {len(items):,} of {len(task.split.test):,} test molecules, drawn at random."
    lead = _hint(bars, run.item)
    return Section("Where the model can be trusted", lead, [picture], [Table(head, rows)], note)


def _prints(task: MoleculeTask, rows: Sequence[int]) -> list[Any]:
    from rdkit.Chem import rdFingerprintGenerator

    make = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    return [make.GetFingerprint(task.featurizer.read(task.smiles[row])) for row in rows]


def _words(task: MoleculeTask) -> str:
    if task.kind == "classification":
        return "1 - the probability of the true class"
    if task.kind == "multilabel":
        return "the distance of the probability from 0 or 1, whichever is true"
    if task.num_outputs > 1:
        return "the mean over the targets of |predicted - measured|, each by its spread"
    named = unit(task)
    return "|predicted - measured|" + (f" in {named}" if named else "")


def _hint(bars: list[dict[str, object]], item: str) -> str:
    """What error to expect of a strange molecule beside a familiar one."""
    lead = f"The less a new {item} is like those that trained, the less is known of it."
    held = [bar for bar in bars if int(str(bar["count"])) >= _FEWEST]
    if len(held) < 2:
        return f"{lead} Here the test {item}s are too few, or too much alike, to say how much."
    strange, familiar = float(str(held[0]["mean"])), float(str(held[-1]["mean"]))
    lead = (
        f"Test {item}s with a likeness of {held[-1]['similarity']} to the nearest training "
        f"{item} are {familiar:.2f} off on average, those with {held[0]['similarity']} are "
        f"{strange:.2f} off."
    )
    if strange > 1.2 * familiar:
        return f"{lead} Mind the likeness of a new {item} before trusting its prediction."
    return f"{lead} So here likeness says little about the error."


def _draw(
    run: Run,
    similarity: NDArray[np.float64],
    off: NDArray[np.float64],
    items: NDArray[np.int64],
    bars: list[dict[str, object]],
    places: NDArray[np.int64],
    words: str,
) -> Picture:
    path = run.figures / "likeness.png"
    with drawing(path, 3.9) as figure:
        axes = figure.add_subplot()
        look = {"s": 12, "color": CLASS_COLORS[4], "alpha": 0.6, "lw": 0}
        axes.scatter(similarity, off, label=f"a test {run.item}", **look)  # type: ignore[arg-type]
        for number, place in enumerate(sorted(set(places.tolist()))):
            ends = [EDGES[place], EDGES[place + 1]]
            level = float(str(bars[number]["mean"]))
            label = "mean of a range" if number == 0 else None
            axes.plot(ends, [level, level], color=INK, lw=2.4, label=label)
        axes.set(xlim=(0, 1.02), ylabel="error", title="Error against likeness")
        axes.set_xlabel(f"likeness to the nearest training {run.item}")
        axes.set_ylim(bottom=0)
        legend_below(figure, axes.get_legend_handles_labels()[0])
    write_csv(
        path.with_suffix(".csv"),
        [
            {"row": row, "likeness": like, "error": error}
            for row, like, error in zip(
                items.tolist(), similarity.tolist(), off.tolist(), strict=True
            )
        ],
    )
    told = "; ".join(f"{b['similarity']}: {b['mean']:.2f}" for b in bars)
    return Picture(path, f"Error ({words}) by likeness: {told}.")
