"""How explanations change while a network forgets, stage by stage from its head down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gnnvision.explain import METHODS
from gnnvision.explain.sanity import SURVIVES
from gnnvision.report.attribution_draw import method_looks
from gnnvision.report.layer_maps import broken_name
from gnnvision.report.style import INK, MUTED, drawing

__all__ = ["draw_stages"]

Stages = Sequence[tuple[str, Sequence[float]]]


def draw_stages(path: Path, found: Mapping[str, Stages]) -> Path:
    """The similarity of each method's map with that of the model itself, after each stage.

    Args:
        path: a PNG.
        found: for each method its stages: the layer down to which weights were drawn anew, and
            the similarity for each draw.

    Returns:
        The path.
    """
    some = next(iter(found.values()))
    with drawing(path, 3.8, 7.4) as figure:
        axes = figure.add_subplot()
        shift = 0.16 / max(len(found) - 1, 1)
        for number, ((name, stages), (color, style)) in enumerate(
            zip(found.items(), method_looks(), strict=False)
        ):
            places = [
                stage + (number - (len(found) - 1) / 2) * shift for stage in range(len(stages) + 1)
            ]
            means = [1.0, *(sum(draws) / len(draws) for _, draws in stages)]
            axes.plot(places, means, color=color, ls=style, label=METHODS[name].title)
            for place, (_, draws) in zip(places[1:], stages, strict=True):
                axes.scatter([place] * len(draws), draws, s=9, color=color, linewidths=0)
        axes.axhline(0, color=MUTED, lw=0.8)
        limit = f"worthless from {SURVIVES:.1f} on, with all drawn anew"
        axes.axhline(SURVIVES, color=INK, lw=0.9, ls=(0, (4, 3)), label=limit)
        names = [broken_name(layer) for layer, _ in some]
        labels = ["nothing", *names[:-1], f"{names[-1]}\n(all)"]
        axes.set_xticks(range(len(labels)), labels, size=8)
        axes.set_xlim(-0.35, len(some) + 0.35)
        axes.set_xlabel("drawn anew, from the answer down to the layer")
        axes.set_ylabel("similarity of the map\n(rank correlation)")
        figure.legend(loc="outside lower center", ncols=4)
    return path
