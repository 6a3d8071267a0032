"""Attributions of several inputs by several methods, with their quality, and their files."""

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
    DRAWS,
    METHODS,
    ORDERS,
    Attribution,
    Explain,
    Faithfulness,
    Instance,
    Sanity,
    attribute,
    explanation_of,
    faithfulness,
    make_instance,
    sanity_checks,
)
from gnnvision.report.layer_page import InspectedInput
from gnnvision.training.folder import write_csv

__all__ = ["ExplainedInput", "Explanations", "explain_inputs", "write_values"]

_BLUR = 16  # standard deviations of the blur in the shorter side of an image
_STEPS = 200  # of integrated gradients for a small input, for which they are cheap
_STEPS_OF_CHECK = 12  # the same in the randomization test, which uses ranks only
_LARGE = 10_000  # values; an input with more is tested with fewer forward passes
_STAGES = 4  # of cascading randomization
_DRAWS_OF_LARGE = 10  # half as many, for an interval 1.4 times as wide
_WINDOWS = 7  # windows of occlusion along a side of a large image in the randomization test


@dataclass(frozen=True)
class ExplainedInput(InspectedInput):
    """One input whose output is explained.

    Args: those of `InspectedInput`, and for a node of a graph also:
        site: the node whose output is explained.
        near: the nodes that are masked for deletion and insertion curves.
    """

    site: int | None = None
    near: Sequence[int] = ()


@dataclass(frozen=True)
class Explanations:
    """The attributions of one input and their quality, by the name of the method.

    Args:
        input: the input.
        target: the name of the explained output.
        found: the attributions.
        kind: of the task: "classification", "multilabel" or "regression".
        curves: deletion and insertion curves; empty if quality was not measured.
        sanity: the parameter-randomization tests; empty if quality was not measured. For a
            large input the stages before the last have one draw each.
    """

    input: ExplainedInput
    target: str
    found: Mapping[str, Attribution]
    kind: str
    curves: Mapping[str, Faithfulness] = field(default_factory=dict)
    sanity: Mapping[str, Sanity] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `attributions.csv`, one for each method."""
        rows = []
        for name, found in self.found.items():
            row: dict[str, Any] = {"input": self.input.name, "method": name}
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
                estimate = getattr(check, kind, None)
                for end in ("value", "low", "high"):
                    value = getattr(estimate, end, nan)
                    row[f"randomization_{kind}_{end}"] = value if isfinite(value) else ""
            row["randomized_models"] = "" if check is None else check.draws
            row["verdict"] = "" if check is None else check.verdict
            row["verdict_reason"] = "" if check is None else check.reason
            rows.append(row | {"notes": " ".join(found.notes)})
        return rows

    def stage_rows(self) -> list[dict[str, Any]]:
        """The rows of `randomization.csv`, one for each method and stage."""
        rows = []
        for name in self.sanity:
            for layer, draws in self.by_stage(name):
                row: dict[str, Any] = {"input": self.input.name, "method": name}
                row |= {"randomized_down_to": layer, "draws": len(draws)}
                rows.append(row | {"similarity": sum(draws) / len(draws) if draws else ""})
        return rows

    def by_stage(self, name: str) -> list[tuple[str, list[float]]]:
        """Each stage: the last layer randomized, and the similarity of each draw.

        Draws with a constant map are left out.
        """
        check = self.sanity[name]
        rows = [[v for v in row if not isnan(v)] for row in check.similarity.tolist()]
        return list(zip(check.layers, rows, strict=True))


def explain_inputs(
    model: nn.Module,
    inputs: Sequence[ExplainedInput],
    methods: Sequence[str],
    output_names: Sequence[str],
    kind: Any,  # noqa: ANN401 - one of `explain.Kind`
    *,
    target: int | None = None,
    layer: str | None = None,
    checked: bool = True,
    draws: int | None = None,
    orders: int = ORDERS,
) -> list[Explanations]:
    """Attributions of all inputs by all methods, and their quality.

    Args:
        model: the network.
        inputs: the inputs to explain.
        methods: names of `METHODS`.
        output_names: the names of the model's outputs.
        kind: "classification", "multilabel" or "regression".
        target: the output column to explain; if not given, the predicted class, or the first
            column of a regression.
        layer: the layer of methods that use one.
        checked: whether quality is measured.
        draws: the number of randomized models; if not given, 20, or 10 for a large input.
        orders: the number of random orders for deletion and insertion curves.

    Raises:
        ValueError: as for `attribute`.
    """
    if target is None and kind == "regression":
        target = 0
    explained = []
    for one in inputs:
        found = {m: _attribute(model, one, m, target, layer) for m in methods}
        column = int(next(iter(found.values())).target[0])
        held = Explanations(one, output_names[column], found, kind)
        if checked:
            checks = _checks(model, one, found, kind, draws, orders)
            held = Explanations(one, output_names[column], found, kind, *checks)
        explained.append(held)
    return explained


def _attribute(
    model: nn.Module, one: ExplainedInput, method: str, target: int | None, layer: str | None
) -> Attribution:
    looked_at = layer if METHODS[method].takes_layer else None
    options: dict[str, Any] = {}
    if method == "integrated_gradients" and not _is_large(one):
        options["steps"] = _STEPS
    return attribute(model, one.x, one.domain, method, target, looked_at, site=one.site, **options)


def _is_large(one: ExplainedInput) -> bool:
    return one.x.numel() > _LARGE


def _checks(
    model: nn.Module,
    one: ExplainedInput,
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
    mask = _mask_values(one)
    curves: dict[str, Faithfulness] = {}
    for name, held in found.items():
        curves[name] = faithfulness(
            model, one.x, one.domain, held, kind=kind, site=one.site, among=among,
            steps=14 if large else 20, orders=orders, baseline=mask,
            against=next(iter(curves.values()), None),
        )  # fmt: skip
    instance = make_instance(model, one.x, one.domain, next(iter(found.values())).target, one.site)
    sanity = sanity_checks(
        model, one.x, one.domain,
        {name: _function_of(instance, one, name, held) for name, held in found.items()},
        site=one.site, stages=_STAGES, staged=1 if large else None,
        draws=draws or (_DRAWS_OF_LARGE if large else DRAWS),
    )  # fmt: skip
    return curves, sanity


def _function_of(instance: Instance, one: ExplainedInput, name: str, held: Attribution) -> Explain:
    """The attribution of an input as a function of the model, with fewer forward passes."""
    options: dict[str, Any] = {}
    if name == "integrated_gradients":
        options["steps"] = _STEPS_OF_CHECK
    if name == "occlusion" and _is_large(one) and isinstance(one.domain, Grid):
        window = [-(-side // _WINDOWS) for side in one.domain.shape]
        options |= {"window": window, "stride": window}
    return explanation_of(instance, name, held.layer, **options)


def _mask_values(one: ExplainedInput) -> Tensor | None:
    """The values of masked sites: those of a blurred copy of an image; None, for zeros, else."""
    if one.canvas.what != "image":
        return None
    from scipy.ndimage import gaussian_filter

    width = min(one.x.shape[2:]) / _BLUR
    blurred = gaussian_filter(one.x.cpu().numpy(), (0, 0, width, width), mode="nearest")
    return torch.from_numpy(blurred).to(one.x)


def write_values(folder: Path, explained: Sequence[Explanations]) -> None:
    """Write `attributions.csv`, a row for each input and method, and `attributions.npz`.

    The second contains the values. If quality was measured, `randomization.csv` has a row for each
    stage of the cascading randomization.

    Args:
        folder: the run folder.
        explained: the attributions of each input.
    """
    write_csv(folder / "attributions.csv", [row for one in explained for row in one.rows()])
    stages = [row for one in explained for row in one.stage_rows()]
    if stages:
        write_csv(folder / "randomization.csv", stages)
    arrays = {
        f"{number}_{name}": found.values.cpu().numpy()
        for number, one in enumerate(explained, 1)
        for name, found in one.found.items()
    }
    np.savez_compressed(folder / "attributions.npz", **arrays)  # type: ignore[arg-type]
