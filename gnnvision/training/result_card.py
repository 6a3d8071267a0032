"""How a result is shown in a notebook."""

from __future__ import annotations

from typing import Any

from gnnvision._html import card, curves
from gnnvision.training.measures import SPLIT_NAMES, format_stats, metric_name

__all__ = ["result_card"]


def result_card(result: Any, title: str) -> str:  # noqa: ANN401 - a `Result`, whose file uses this
    """An HTML table of the metrics, with the curves of the best seed.

    Args:
        result: the `Result` of `fit`.
        title: above the table.
    """
    table, names, count = result.metrics(), result.metric_names, len(result.outcomes)
    rows: list[tuple[str, ...]] = []
    for part, split in SPLIT_NAMES.items():
        if table[part]:
            cells = (
                format_stats(name, table[part][name], count) if name in table[part] else ""
                for name in names
            )
            rows.append((split, *cells))
    best = result.best
    seeds = "1 seed" if count == 1 else f"{count} seeds (mean ± std), the best is {best.seed}"
    rows.append(("trained", f"{seeds}, {result.train_seconds:,.1f} s on {result.device}"))
    rows.append(("kept", f"epoch {best.best_epoch} of {best.epochs}: {result.selection}"))
    if result.folder is not None:
        rows.append(("folder", str(result.folder)))
    lines = {
        f"{split} {metric_name(result.metric)}": [row[key] for row in best.history if key in row]
        for part, split in SPLIT_NAMES.items()
        if any((key := f"{part}_{result.metric}") in row for row in best.history)
    }
    return card(title, rows, curves(lines), ("", *map(metric_name, names)))
