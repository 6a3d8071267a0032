"""Maps of the items: close together in the picture where their features are alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.report.observe import MOST_ITEMS, Observed
from gnnvision.report.parts import Figure, Run, Section
from gnnvision.report.style import (
    INK,
    UNKNOWN,
    class_color,
    class_marker,
    drawing,
    legend_below,
    plain_axes,
    wrapped,
)
from gnnvision.training.folder import write_csv

__all__ = ["projection"]

Array = NDArray[np.floating[Any]]
_NEIGHBORS = 10
_FEWEST = 8
_MOST_NAMED = 24
_MODERATE = (1e-6, 1e6)  # between them the largest value stays as it is


def projection(run: Run) -> Section | None:
    """The section of the maps; None where items have no class or no vector of features."""
    seen = run.observed
    if seen is None:
        return None
    items = _sample(len(seen.target))
    width = f"{seen.hidden.shape[1]:,} channels"
    given = seen.given or f"{run.result.task.in_channels:,} features"
    views = [
        ("input", seen.inputs, f"Before: the {given} of each {run.item}"),
        ("hidden", seen.hidden, f"After: the {width} entering layer {seen.layer}"),
    ]
    pictures, shares, left_out = [], [], []
    for name, signal, title in views:
        features = None if signal is None else _scaled(_rows(signal, items))
        if features is None or not _can_map(features):
            left_out += [] if features is None or np.isfinite(features).all() else [title]
            continue
        share = _agreement(features, seen.target[items].numpy())
        shares.append(share)
        picture = _draw(run, seen, items, _place(features), title, share, name)
        pictures.append(picture)
    missing = [f"No map of “{title}”: it holds values that are not finite" for title in left_out]
    if not pictures:
        return Section("What the layers do", f"{'. '.join(missing)}.") if missing else None
    lead = f"Every point is one {run.item}, its color the true class."
    if len(shares) == 2 and not any(map(math.isnan, shares)):
        lead += (
            f" Of the {_NEIGHBORS} {run.item}s most like a {run.item}, {100 * shares[0]:.0f} % "
            f"have its class by the features as given, and {100 * shares[1]:.0f} % by what the "
            "network makes of them."
        )
    note = (
        "The maps are made by PCA and then t-SNE: neighbors on a map are alike, but distances "
        "between far groups, and the axes, mean nothing. The percentages are computed with all "
        "channels, before the map. Drawn is the model of the best seed"
    )
    there = seen.of or len(seen.target)
    if len(items) < there:
        of = "test " if seen.of else ""
        note += f", and {len(items):,} of the {there:,} {of}{run.item}s, drawn at random"
    note = ". ".join([note, *missing])
    return Section("What the layers do", lead, pictures, note=note + ".")


def _sample(count: int) -> Tensor:
    """All numbers below `count`, or as many of them as a map can show, always the same."""
    if count <= MOST_ITEMS:
        return torch.arange(count)
    chosen = np.random.default_rng(0).choice(count, MOST_ITEMS, replace=False)
    return torch.from_numpy(np.sort(chosen))


def _rows(signal: Tensor, items: Tensor) -> Array:
    held = signal.to_sparse_coo() if signal.layout is torch.sparse_csr else signal
    return held.index_select(0, items).to_dense().detach().float().flatten(1).cpu().numpy()


def _scaled(features: Array) -> Array:
    """The same with values of moderate size: distances of larger ones leave float32's range.

    Those that are of moderate size stay as they are.
    """
    most = float(np.abs(features).max(initial=0.0))
    if not np.isfinite(most) or _MODERATE[0] < most < _MODERATE[1]:
        return features
    scaled: Array = (features.astype(np.float64) / (most or 1.0)).astype(np.float32)
    return scaled


def _can_map(features: Array) -> bool:
    rows, columns = features.shape
    good = rows >= _FEWEST and columns >= 2 and bool(np.isfinite(features).all())
    return good and float(features.std(0).max()) > 1e-12


def _place(features: Array) -> Array:
    """A point in the plane for each row."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    rows, columns = features.shape
    kept = min(50, columns, rows)
    if kept < columns:
        features = PCA(kept, svd_solver="randomized", random_state=0).fit_transform(features)
    features = features / features.std()
    perplexity = min(20.0, (rows - 1) / 3)
    mapper = TSNE(
        2, perplexity=perplexity, init="pca", max_iter=300, angle=0.9, random_state=0, n_jobs=1
    )
    # Its loops are so short that several threads wait for each other most of the time.
    with threadpool_limits(1):
        places = mapper.fit_transform(features)
    return np.asarray(places, dtype=np.float64)


def _agreement(features: Array, target: NDArray[np.int64]) -> float:
    """Of each item's nearest ones, the share that has its class, over items with a class."""
    from sklearn.neighbors import NearestNeighbors

    known = target >= 0
    features, labels = features[known], target[known]
    count = min(_NEIGHBORS, len(labels) - 1)
    if count < 1:
        return math.nan
    nearest = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(features)
    found = nearest.kneighbors(return_distance=False)
    return float((labels[found] == labels[:, None]).mean())


def _draw(
    run: Run,
    seen: Observed,
    items: Tensor,
    places: Array,
    title: str,
    share: float,
    name: str,
) -> Figure:
    path, names = run.figures / f"projection_{name}.png", run.result.task.class_names
    target, prediction = seen.target[items].numpy(), seen.prediction[items].numpy()
    tested, trained = _member(items, seen.test), _member(items, seen.train)
    wrong = tested & (target >= 0) & (prediction != target)
    marked = name == "hidden"  # the features as given know of no prediction
    size = float(np.clip(9000 / max(len(items), 1), 9, 60))
    across, up = places.T
    with drawing(path, 5.2 + 0.2 * np.ceil(min(len(names), _MOST_NAMED) / 2)) as figure:
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
        axes.set_title(title)
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
        f"Scatter plot of {len(items):,} {run.item}s by class. {title}; {_share(share)} of "
        f"the nearest {run.item}s share a class; {wrong.sum():,} wrong ones are ringed."
    )
    return Figure(path, alt)


def _share(share: float) -> str:
    return "an undefined share" if math.isnan(share) else f"{100 * share:.0f} %"


def _member(items: Tensor, part: Tensor) -> NDArray[np.bool_]:
    return np.asarray(torch.isin(items, part).numpy())


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
        handles.append(dot(UNKNOWN, "o", "class not known"))
    if wrong:
        handles.append(dot("none", "o", f"test {item}, predicted wrongly", INK))
    if trained:
        handles.append(dot(INK, "x", f"training {item}", INK))
    return handles
