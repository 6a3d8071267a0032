"""What is asked about an input, and what was found: explanations and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.explain import (
    METHODS,
    Attribution,
    Faithfulness,
    Sanity,
    attribute,
    faithfulness,
    sanity_check,
)
from gnnvision.report.layer_page import Looked
from gnnvision.training.folder import write_csv

__all__ = ["Asked", "Explained", "explain_inputs", "write_values"]

_BLUR = 16  # standard deviations of the blur in the shorter side of a picture
_STEPS = 12  # of integrated gradients in the sanity check, where the ranks alone count
_LARGE = 10_000  # numbers; an input with more is checked with fewer runs
_STAGES = 4  # in which a network forgets, from its head down
_DRAWS, _DRAWS_OF_LARGE = 8, 4


@dataclass(frozen=True)
class Asked(Looked):
    """One input whose answer is explained.

    Args: as those of `Looked`, and of a citation network also:
        site: the node that is meant.
        near: the nodes that are exchanged to measure quality.
    """

    site: int | None = None
    near: Sequence[int] = ()


@dataclass(frozen=True)
class Explained:
    """What was found about one input, by the name of the method.

    Args:
        asked: the input.
        target: in words.
        found: the explanations.
        kind: of the network's answers.
        curves: of deletion and insertion; empty if they were not wanted.
        sanity: the checks against models that have forgotten all; likewise.
        stages: the checks against models that forget layer by layer; likewise. Of a large input
            the stages before the last have one draw each.
    """

    asked: Asked
    target: str
    found: Mapping[str, Attribution]
    kind: str
    curves: Mapping[str, Faithfulness] = field(default_factory=dict)
    sanity: Mapping[str, Sanity] = field(default_factory=dict)
    stages: Mapping[str, Sanity] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """The numbers of each method, for a file."""
        rows = []
        for name, found in self.found.items():
            row: dict[str, Any] = {"input": self.asked.name, "method": name}
            row |= {"target": self.target, "layer": found.layer or ""}
            row |= {"completeness_gap": "" if found.completeness is None else found.completeness}
            areas = self.curves[name].areas if name in self.curves else {}
            for kind in ("deletion", "insertion", "random_deletion", "random_insertion"):
                row[f"{kind}_area"] = areas.get(kind, "")
            check = self.sanity.get(name)
            row["similarity_after_randomisation"] = "" if check is None else check.remaining
            row["verdict"] = "" if check is None else check.verdict
            rows.append(row | {"notes": " ".join(found.notes)})
        return rows

    def stage_rows(self) -> list[dict[str, Any]]:
        """How like the map is after each stage of forgetting, for a file."""
        rows = []
        for name in self.stages:
            for layer, draws in self.by_stage(name):
                row: dict[str, Any] = {"input": self.asked.name, "method": name}
                row |= {"forgotten_down_to": layer, "draws": len(draws)}
                rows.append(row | {"similarity": sum(draws) / len(draws)})
        return rows

    def by_stage(self, name: str) -> list[tuple[str, list[float]]]:
        """The layer down to which was forgotten, and the similarity of each draw; all at last."""
        stages, last = self.stages[name], self.sanity[name]
        draws = [*stages.similarity[:-1].tolist(), last.similarity[-1].tolist()]
        return list(zip(stages.layers, draws, strict=True))


def explain_inputs(
    model: nn.Module,
    inputs: Sequence[Asked],
    methods: Sequence[str],
    output_names: Sequence[str],
    kind: Any,  # noqa: ANN401 - one of `explain.Kind`
    *,
    target: int | None = None,
    layer: str | None = None,
    checked: bool = True,
) -> list[Explained]:
    """Explanations of all inputs by all methods, and what they are worth.

    Args:
        model: the network.
        inputs: what it is asked about.
        methods: names of `METHODS`.
        output_names: of the model's outputs.
        kind: "classification", "multilabel" or "regression".
        target: the column that is explained; else what the network says, or the first column of
            a regression.
        layer: of methods that look at one.
        checked: whether quality is measured.

    Raises:
        ValueError: as of `attribute`.
    """
    if target is None and kind == "regression":
        target = 0
    explained = []
    for one in inputs:
        found = {m: _attribute(model, one, m, target, layer) for m in methods}
        column = int(next(iter(found.values())).target[0])
        held = Explained(one, output_names[column], found, kind)
        if checked:
            checks = _checks(model, one, found, kind)
            held = Explained(one, output_names[column], found, kind, *checks)
        explained.append(held)
    return explained


def _attribute(
    model: nn.Module, one: Asked, method: str, target: int | None, layer: str | None
) -> Attribution:
    looked_at = layer if METHODS[method].takes_layer else None
    return attribute(model, one.x, one.domain, method, target, looked_at, site=one.site)


def _is_large(one: Asked) -> bool:
    return one.x.numel() > _LARGE


def _checks(
    model: nn.Module,
    one: Asked,
    found: Mapping[str, Attribution],
    kind: Any,  # noqa: ANN401
) -> tuple[dict[str, Faithfulness], dict[str, Sanity], dict[str, Sanity]]:
    large = _is_large(one)
    among = None
    if one.site is not None:
        among = torch.zeros(one.domain.num_sites, dtype=torch.bool)
        among[list(one.near)] = True
    covered = _covered(one)
    curves: dict[str, Faithfulness] = {}
    sanity: dict[str, Sanity] = {}
    stages: dict[str, Sanity] = {}
    for name, held in found.items():
        curves[name] = faithfulness(
            model, one.x, one.domain, held, kind=kind, site=one.site, among=among,
            steps=14 if large else 20, orders=2 if large else 5, baseline=covered,
            against=next(iter(curves.values()), None),
        )  # fmt: skip
        sanity[name], stages[name] = _forgetting(model, one, name, held)
    return curves, sanity, stages


def _forgetting(
    model: nn.Module, one: Asked, name: str, held: Attribution
) -> tuple[Sanity, Sanity]:
    """The check against models that have forgotten all, and that by stages.

    The last stage is the first check, so that of a large input only more draws of it are made.
    """
    options: dict[str, Any] = {"site": one.site}
    options |= {"steps": _STEPS} if name == "integrated_gradients" else {}
    asked = (model, one.x, one.domain, name, held.target, held.layer)
    draws = 1 if _is_large(one) else _DRAWS
    stages = sanity_check(*asked, stages=_STAGES, draws=draws, **options)
    if not _is_large(one):
        return stages, stages
    more = sanity_check(*asked, stages=1, draws=_DRAWS_OF_LARGE - 1, seed=1, **options)
    last = torch.cat([stages.similarity[-1:], more.similarity], 1)
    return Sanity(more.layers, last, stages.fewest), stages


def _covered(one: Asked) -> Tensor | None:
    """What covers a part: of a picture a blurred copy, which has no edges; else nothing at all."""
    if one.canvas.what != "picture":
        return None
    from scipy.ndimage import gaussian_filter

    width = min(one.x.shape[2:]) / _BLUR
    blurred = gaussian_filter(one.x.cpu().numpy(), (0, 0, width, width), mode="nearest")
    return torch.from_numpy(blurred).to(one.x)


def write_values(folder: Path, explained: Sequence[Explained]) -> None:
    """`attributions.csv`, a row for each input and method, and `attributions.npz`, the values.

    `randomisation.csv` has a row for each stage in which a network forgot, if that was checked.

    Args:
        folder: of the run.
        explained: what was found.
    """
    write_csv(folder / "attributions.csv", [row for one in explained for row in one.rows()])
    forgot = [row for one in explained for row in one.stage_rows()]
    if forgot:
        write_csv(folder / "randomisation.csv", forgot)
    arrays = {
        f"{number}_{name}": found.values.cpu().numpy()
        for number, one in enumerate(explained, 1)
        for name, found in one.found.items()
    }
    np.savez_compressed(folder / "attributions.npz", **arrays)  # type: ignore[arg-type]
