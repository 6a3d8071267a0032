"""What is asked about an input, and what was found: explanations and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.domains import Grid
from gnnvision.explain import (
    METHODS,
    Attribution,
    Faithfulness,
    Sanity,
    attribute,
    faithfulness,
    sanity_checks,
)
from gnnvision.explain.instance import Instance, make_instance
from gnnvision.explain.quality import ORDERS
from gnnvision.explain.sanity import DRAWS, Explain, explanation_of
from gnnvision.report.layer_page import Looked
from gnnvision.training.folder import write_csv

__all__ = ["Asked", "Explained", "explain_inputs", "write_values"]

_BLUR = 16  # standard deviations of the blur in the shorter side of a picture
_STEPS = 200  # of integrated gradients of a small input, where they are cheap
_STEPS_OF_CHECK = 12  # likewise in the sanity check, where the ranks alone count
_LARGE = 10_000  # numbers; an input with more is checked with fewer runs
_STAGES = 4  # in which a network is randomized, from its head down
_DRAWS_OF_LARGE = 10  # half as many, for an interval half as wide again
_WINDOWS = 7  # of occlusion along a side of a large image in the sanity check, side by side


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
        sanity: the checks against randomized models; likewise. Of a large input the stages
            before the last have one draw each.
    """

    asked: Asked
    target: str
    found: Mapping[str, Attribution]
    kind: str
    curves: Mapping[str, Faithfulness] = field(default_factory=dict)
    sanity: Mapping[str, Sanity] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """The numbers of each method, for a file."""
        rows = []
        for name, found in self.found.items():
            row: dict[str, Any] = {"input": self.asked.name, "method": name}
            row |= {"target": self.target, "layer": found.layer or ""}
            row |= {"completeness_gap": "" if found.completeness is None else found.completeness}
            held = self.curves.get(name)
            areas = {} if held is None else held.areas
            for kind in ("deletion", "insertion", "random_deletion", "random_insertion"):
                row[f"{kind}_area"] = areas.get(kind, "")
            for kind in ("deletion", "insertion"):
                ends = ("", "") if held is None else held.random_range(kind)
                row |= dict(zip((f"random_{kind}_low", f"random_{kind}_high"), ends, strict=True))
            row["random_orders"] = "" if held is None else held.orders
            row["against_random_orders"] = "" if held is None else held.verdict
            check = self.sanity.get(name)
            known = check is not None and not isnan(check.remaining)
            row["similarity_after_randomization"] = check.remaining if check and known else ""
            for kind in ("interval", "reference", "difference"):
                found_ = getattr(check, kind, None)
                for end in ("value", "low", "high"):
                    value = getattr(found_, end, nan)
                    row[f"randomization_{kind}_{end}"] = value if isfinite(value) else ""
            row["randomized_models"] = "" if check is None else check.draws
            row["verdict"] = "" if check is None else check.verdict
            row["verdict_reason"] = "" if check is None else check.reason
            rows.append(row | {"notes": " ".join(found.notes)})
        return rows

    def stage_rows(self) -> list[dict[str, Any]]:
        """How like the map is after each stage of forgetting, for a file."""
        rows = []
        for name in self.sanity:
            for layer, draws in self.by_stage(name):
                row: dict[str, Any] = {"input": self.asked.name, "method": name}
                row |= {"forgotten_down_to": layer, "draws": len(draws)}
                rows.append(row | {"similarity": sum(draws) / len(draws) if draws else ""})
        return rows

    def by_stage(self, name: str) -> list[tuple[str, list[float]]]:
        """The layer down to which was randomized, and the similarity of each draw; all at last.

        Draws of which a map is the same everywhere are left out.
        """
        check = self.sanity[name]
        rows = [[v for v in row if not isnan(v)] for row in check.similarity.tolist()]
        return list(zip(check.layers, rows, strict=True))


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
    draws: int | None = None,
    orders: int = ORDERS,
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
        draws: randomized models of the sanity check; 20 if not given, 10 for a large input.
        orders: random orders that deletion and insertion are compared with.

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
            checks = _checks(model, one, found, kind, draws, orders)
            held = Explained(one, output_names[column], found, kind, *checks)
        explained.append(held)
    return explained


def _attribute(
    model: nn.Module, one: Asked, method: str, target: int | None, layer: str | None
) -> Attribution:
    looked_at = layer if METHODS[method].takes_layer else None
    options: dict[str, Any] = {}
    if method == "integrated_gradients" and not _is_large(one):
        options["steps"] = _STEPS
    return attribute(model, one.x, one.domain, method, target, looked_at, site=one.site, **options)


def _is_large(one: Asked) -> bool:
    return one.x.numel() > _LARGE


def _checks(
    model: nn.Module,
    one: Asked,
    found: Mapping[str, Attribution],
    kind: Any,  # noqa: ANN401
    draws: int | None,
    orders: int,
) -> tuple[dict[str, Faithfulness], dict[str, Sanity]]:
    large = _is_large(one)
    among = None
    if one.site is not None:
        among = torch.zeros(one.domain.num_sites, dtype=torch.bool)
        among[list(one.near)] = True
    covered = _covered(one)
    curves: dict[str, Faithfulness] = {}
    for name, held in found.items():
        curves[name] = faithfulness(
            model, one.x, one.domain, held, kind=kind, site=one.site, among=among,
            steps=14 if large else 20, orders=orders, baseline=covered,
            against=next(iter(curves.values()), None),
        )  # fmt: skip
    asked = make_instance(model, one.x, one.domain, next(iter(found.values())).target, one.site)
    sanity = sanity_checks(
        model, one.x, one.domain,
        {name: _again(asked, one, name, held) for name, held in found.items()},
        site=one.site, stages=_STAGES, staged=1 if large else None,
        draws=draws or (_DRAWS_OF_LARGE if large else DRAWS),
    )  # fmt: skip
    return curves, sanity


def _again(asked: Instance, one: Asked, name: str, held: Attribution) -> Explain:
    """The same explanation of another model, with fewer runs where the ranks alone count."""
    options: dict[str, Any] = {}
    if name == "integrated_gradients":
        options["steps"] = _STEPS_OF_CHECK
    if name == "occlusion" and _is_large(one) and isinstance(one.domain, Grid):
        window = [-(-side // _WINDOWS) for side in one.domain.size]
        options |= {"window": window, "stride": window}
    return explanation_of(asked, name, held.layer, **options)


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

    `randomization.csv` has a row for each stage of the cascading randomization, if checked.

    Args:
        folder: of the run.
        explained: what was found.
    """
    write_csv(folder / "attributions.csv", [row for one in explained for row in one.rows()])
    forgot = [row for one in explained for row in one.stage_rows()]
    if forgot:
        write_csv(folder / "randomization.csv", forgot)
    arrays = {
        f"{number}_{name}": found.values.cpu().numpy()
        for number, one in enumerate(explained, 1)
        for name, found in one.found.items()
    }
    np.savez_compressed(folder / "attributions.npz", **arrays)  # type: ignore[arg-type]
