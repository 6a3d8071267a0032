"""The embedding of the items before and after the network, drawn as maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.report.embedding import View
from gnnvision.report.observe import Observed
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.style import (
    INK,
    NARROW,
    UNKNOWN,
    class_color,
    class_marker,
    drawing,
    legend_below,
    plain_axes,
    wrapped,
)
from gnnvision.report.tsne import NEIGHBORS
from gnnvision.training.folder import write_csv

__all__ = ["projection"]

Array = NDArray[np.floating[Any]]
_MOST_NAMED = 24
_TITLE = "Embedding (t-SNE) before and after the network"


def projection(run: Run) -> Section | None:
    """The section of the maps; None if items have no class or no vector of features."""
    seen, embedding = run.observed, run.embedding
    if seen is None or embedding is None:
        return None
    missing = [
        f"No map of “{title}”: it has values that are not finite" for title in embedding.infinite
    ]
    if not embedding.views:
        return Section(_TITLE, f"{'. '.join(missing)}.") if missing else None
    figures, shares = [], []
    for view in embedding.views:
        places, share = embedding.maps.result(view.table, embedding.labels)
        figures.append(_draw(run, seen, embedding.items, places, view, share))
        shares.append(share)
    lead = f"Each point is one {run.item}, colored by its true class."
    if len(shares) == 2 and not any(map(math.isnan, shares)):
        lead += (
            f" On average, {100 * shares[0]:.0f} % of the {NEIGHBORS} nearest neighbors have the "
            f"same class before the network and {100 * shares[1]:.0f} % after it."
        )
    note = (
        "The maps are PCA followed by t-SNE: neighbors on a map are similar, but the axes and "
        "the distances between far groups have no meaning. Nearest neighbors are found with all "
        "features, not on the map. The model is that of the best seed"
    )
    there = seen.of or len(seen.target)
    if len(embedding.items) < there:
        of = "test " if seen.of else ""
        count = len(embedding.items)
        note += (
            f", and the {count:,} {run.item}s are a random sample of the {there:,} {of}{run.item}s"
        )
    note = ". ".join([note, *missing])
    return Section(_TITLE, lead, figures, note=note + ".")


def _draw(
    run: Run, seen: Observed, items: Tensor, places: Array, view: View, share: float
) -> Figure:
    path, names = run.figures / f"projection_{view.name}.svg", run.result.task.class_names
    target, prediction = seen.target[items].numpy(), seen.prediction[items].numpy()
    tested, trained = _is_member(items, seen.test), _is_member(items, seen.train)
    wrong = tested & (target >= 0) & (prediction != target)
    marked = view.name == "hidden"  # the input features come before any prediction
    size = float(np.clip(9000 / max(len(items), 1), 9, 60))
    across, up = places.T
    with drawing(path, 4.4 + 0.2 * np.ceil(min(len(names), _MOST_NAMED) / 2), NARROW) as figure:
        axes = figure.add_subplot()
        plain_axes(axes)
        axes.set_aspect("equal", adjustable="datalim")
        for number in sorted(set(target.tolist())):
            here = target == number
            color, marker = class_color(number), class_marker(number)
            axes.scatter(across[here], up[here], s=size, c=color, marker=marker, lw=0, alpha=0.85)
        if marked:
            ring: dict[str, Any] = {"s": 1.9 * size, "c": "none", "edgecolors": INK, "lw": 0.9}
            axes.scatter(across[wrong], up[wrong], **ring)
        axes.scatter(across[trained], up[trained], s=1.7 * size, c=INK, marker="x", lw=1.1)
        axes.set_title(view.title)
        legend_below(
            figure,
            _legend(names, target, marked and bool(wrong.any()), bool(trained.any()), run.item),
        )
    columns = {"item": items.numpy(), "x": places[:, 0], "y": places[:, 1], "true_class": target}
    columns |= {"predicted_class": prediction, "test": tested, "train": trained}
    lists = [column.tolist() for column in columns.values()]
    write_csv(
        path.with_suffix(".csv"),
        [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)],
    )
    alt = (
        f"Scatter plot of {len(items):,} {run.item}s by class. {view.title}. "
        f"{_share(share)} of nearest neighbors share a class"
    )
    alt += f"; {wrong.sum():,} wrong predictions are ringed." if marked else "."
    return Figure(path, alt)


def _share(share: float) -> str:
    return "An undefined share" if math.isnan(share) else f"{100 * share:.0f} %"


def _is_member(items: Tensor, split: Tensor) -> NDArray[np.bool_]:
    return np.asarray(torch.isin(items, split).numpy())


def _legend(
    names: Sequence[str], target: NDArray[np.int64], wrong: bool, trained: bool, item: str
) -> list[object]:
    from matplotlib.lines import Line2D

    def dot(color: str, marker: str, label: str, edge: str = "none") -> Line2D:
        look = {"ls": "", "ms": 7, "mfc": color, "mec": edge, "mew": 1.1}
        return Line2D([], [], marker=marker, label=label, **look)  # type: ignore[arg-type]

    handles: list[object] = []
    if len(names) <= _MOST_NAMED:
        for number, name in enumerate(names):
            handles.append(dot(class_color(number), class_marker(number), wrapped(name, 34)))
    if (target < 0).any():
        handles.append(dot(UNKNOWN, "o", "class unknown"))
    if wrong:
        handles.append(dot("none", "o", f"test {item}, wrong prediction", INK))
    if trained:
        handles.append(dot(INK, "x", f"training {item}", INK))
    return handles
