"""Attribution: how much each pixel or node contributes to an output, by one of seven methods."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.domains.device import widest
from gnnvision.errors import invalid, nearest, one_of
from gnnvision.explain.gradients import (
    grad_cam,
    gradient,
    guided_grad_cam,
    guided_gradient,
    input_gradient,
)
from gnnvision.explain.instance import (
    Instance,
    Target,
    expand_baseline,
    is_nearly_constant,
    make_instance,
    sample_of_site,
    sum_per_sample,
)
from gnnvision.explain.integrated import STEPS, Estimator, integrate
from gnnvision.explain.masking import occlusion
from gnnvision.explain.spatial import cam_layer
from gnnvision.layers.hooks import evaluating
from gnnvision.layers.missing import known_complete

__all__ = [
    "METHODS",
    "Attribution",
    "Explain",
    "Method",
    "attribute",
    "check_options",
    "explanation_of",
    "method_named",
]

# A function of a model, a signal and its domain that returns a value for each site.
Explain = Callable[[nn.Module, Tensor, Domain], Tensor]


@dataclass(frozen=True)
class Method:
    """An attribution method: a function of an instance that returns the values and notes."""

    explain: Callable[..., tuple[Tensor, list[str]]]
    title: str  # in figures and tables
    signed: bool  # whether values may be negative, as evidence against the output
    value: str  # the label of its color scale
    takes_layer: bool = False  # whether it uses the activations of a hidden layer


def _integrated(
    instance: Instance,
    baseline: Tensor | None = None,
    steps: int = STEPS,
    estimator: Estimator = "gauss_legendre",
) -> tuple[Tensor, list[str]]:
    return integrate(instance, baseline, steps, estimator).sum(1), []


_SALIENCY = "saliency: largest |gradient| over the channels"
_PRODUCT = "guided gradient × Grad-CAM"
# The attribution methods by name, for `attribute` and `Run.explain`.
METHODS = {
    "gradient": Method(gradient, "Gradient", False, _SALIENCY),
    "input_gradient": Method(input_gradient, "Input × gradient", True, "input × gradient"),
    "integrated_gradients": Method(
        _integrated, "Integrated gradients", True, "contribution to the output"
    ),
    "grad_cam": Method(grad_cam, "Grad-CAM", False, "class activation", True),
    "guided_gradient": Method(guided_gradient, "Guided gradient", False, "guided gradient"),
    "guided_grad_cam": Method(guided_grad_cam, "Guided Grad-CAM", False, _PRODUCT, True),
    "occlusion": Method(occlusion, "Occlusion", True, "drop of the output if masked"),
}


@dataclass(frozen=True)
class Attribution:
    """How much each pixel or node contributes to an output of a model.

    Args:
        values: one for each site. Shape (B, H, W) on a grid, (N,) on a graph.
        method: a name of `METHODS`.
        target: the index of the explained output of each sample. Shape (samples,).
        layer: the layer whose activations were used; None if the method uses none.
        notes: remarks on how to read the values, a sentence each.
        completeness: the completeness gap, |Σ values - (f(x) - f(x'))| / |f(x) - f(x')|, the
            largest over the samples; None if the method is not complete.
        outputs: all outputs of the model. Shape (samples, columns).
    """

    values: Tensor
    method: str
    target: Tensor
    layer: str | None
    notes: tuple[str, ...]
    completeness: float | None
    outputs: Tensor

    @property
    def signed(self) -> bool:
        """Whether values may be negative, as evidence against the output."""
        return METHODS[self.method].signed


def attribute(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    method: str = "grad_cam",
    target: Target | None = None,
    layer: str | None = None,
    *,
    site: int | None = None,
    **options: Any,  # noqa: ANN401
) -> Attribution:
    """Attribute an output of a model to the pixels or nodes of its input.

    The model runs in evaluation mode. Its modes, hooks, gradients and `requires_grad` are
    restored afterwards, also after an error.

    Args:
        model: called as (x, domain); its output has a row for each sample of the batch and a
            column for each class or target. The explained quantity is that output: a logit if
            the model returns logits.
        x: the signal: dense and finite. Shape (B, C, H, W) on a grid, (N, C) on a graph.
        domain: the grid or graph of the signal.
        method: "gradient" or "guided_gradient" (the largest |gradient| over the channels),
            "input_gradient", "integrated_gradients" or "occlusion" (signed), "grad_cam" or
            "guided_grad_cam" (evidence for the output only).
        target: the output column to explain, one for all samples or one for each; None for the
            predicted class, the column with the largest output.
        layer: for Grad-CAM: the name of a layer whose output has sites (pixels or nodes), or
            consists of the tokens of a transformer; by default `last_spatial` chooses it.
        site: for a model with an output for every node of a graph: the node whose output is
            explained.
        **options: `baseline`, `steps` and `estimator` of integrated gradients; `baseline`,
            `window`, `stride` (on a grid) or `hops` (on a graph) of occlusion.

    Returns:
        The attribution of each site, with notes on how to read it.

    Raises:
        TypeError: if `x` is not floating point, `target` is not an integer, or the method has no
            such option.
        ValueError: if a name is unknown (the nearest is suggested), a value is out of range,
            `layer` has no sites or is not for this method, or the model's output is not finite.

    Example:
        >>> import gnnvision as gv
        >>> graph = gv.Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> model = gv.Sequential(gv.Readout("sum"), nn.Linear(2, 3))
        >>> x = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
        >>> found = attribute(model, x, graph, "input_gradient", target=1)
        >>> bool(torch.isclose(found.values[2], 2 * model[1].weight[1, 1]))
        True
    """
    name = method_named(method)
    check_options(name, options, layer)
    instance = make_instance(model, x, domain, target, site)
    with known_complete():
        values, notes, used = _run_method(instance, name, layer, options)
        values, more = _replace_nonfinite(values, instance)
        gap = None
        if name == "integrated_gradients":
            gap = _completeness_gap(instance, values, options.get("baseline"))
    if gap is not None and gap > 0.01:
        more.append(
            f"The attributions miss the change of the output by {gap:.1%} (completeness). "
            f"More steps reduce the gap; here there were {options.get('steps', STEPS)}."
        )
    target, notes = instance.target, [*notes, *more]
    return Attribution(values, name, target, used, tuple(notes), gap, instance.outputs)


def explanation_of(
    instance: Instance,
    method: str,
    layer: str | None = None,
    **options: Any,  # noqa: ANN401
) -> Explain:
    """A function that attributes the target output of any model, for `sanity_checks`.

    Nothing is checked again, so that the host does not wait for a GPU. Where an output of the
    model is not finite, which `attribute` refuses, all values are NaN. The method, its layer and
    its options are those of `attribute`.

    Args:
        instance: the model and its input, from `make_instance`.
        method: as for `attribute`.
        layer: as for `attribute`.
        **options: as for `attribute`.
    """

    def explain(model: nn.Module, x: Tensor, domain: Domain) -> Tensor:
        other = instance.with_model(model)
        with known_complete():
            values = _run_method(other, method, layer, options)[0]
        values = values.masked_fill(~values.isfinite(), 0)
        return values.masked_fill(~other.outputs.isfinite().all(), torch.nan)

    return explain


def _run_method(
    instance: Instance, name: str, layer: str | None, options: dict[str, Any]
) -> tuple[Tensor, list[str], str | None]:
    """The values of a method, its notes, and the name of the layer that it used."""
    method = METHODS[name]
    if not method.takes_layer:
        values, notes = method.explain(instance, **options)
        return values.detach(), notes, None
    found = cam_layer(instance.model, instance.x, instance.domain, layer)
    values, notes = method.explain(instance, found, **options)
    return values.detach(), notes, found.name


def method_named(name: str) -> str:
    """The name of a method as a key of `METHODS`; "-" may stand for "_".

    Args:
        name: as in `METHODS`, or with "-".

    Raises:
        ValueError: if there is no such method; the nearest is suggested.
    """
    wanted = str(name).lower().replace("-", "_")
    if wanted in METHODS:
        return wanted
    near = nearest(wanted, METHODS, cutoff=0)[0]
    return one_of("method", name, METHODS, f"Did you mean {near!r}?")


def _completeness_gap(instance: Instance, values: Tensor, baseline: Tensor | None) -> float:
    """The largest |Σ values - (f(x) - f(x'))| / |f(x) - f(x')| of the samples.

    The denominator is at least a thousandth of |f(x)| + |f(x')|.
    """
    with evaluating(instance.model), torch.no_grad():
        start = instance.output(expand_baseline(baseline, instance.x))
    end, wide = instance.score, widest(values.device)
    change = (end - start).to(wide)
    summed = sum_per_sample(values.to(wide).unsqueeze(1), instance.domain)
    least = 1e-3 * (end.abs() + start.abs()).to(wide)
    gaps = (summed - change).abs() / torch.maximum(change.abs(), least).clamp(min=1e-12)
    return float(gaps.max())


def _replace_nonfinite(values: Tensor, instance: Instance) -> tuple[Tensor, list[str]]:
    """The values with NaN and infinity set to 0, and notes on them and on constant maps."""
    notes = []
    held = values.cpu()  # each check on a GPU would make the host wait
    bad = ~held.isfinite()
    if bool(bad.any()):
        notes.append(
            f"{int(bad.sum())} of {values.numel()} values were NaN or infinite, as the network "
            "is not differentiable at this input; they are set to 0."
        )
        held = held.masked_fill(bad, 0)
        values = held.to(values.device)
    sample = sample_of_site(instance.x, instance.domain).cpu()
    count = len(instance.target)
    flat = [number for number in range(count) if is_nearly_constant(held[sample == number])]
    if flat and instance.domain.num_sites > 1:
        which = "" if count == 1 else f" of sample {', '.join(map(str, flat))}"
        notes.append(f"The map{which} is constant, or nearly so: it highlights nothing.")
    return values, notes


def check_options(name: str, options: dict[str, Any], layer: str | None) -> None:
    """Check that a method has these options and, if a layer is named, that it uses one.

    Raises:
        TypeError: if it has no such option.
        ValueError: if it uses no layer.
    """
    method = METHODS[name]
    skipped = 2 if method.takes_layer else 1
    known = list(inspect.signature(method.explain).parameters)[skipped:]
    for option in options:
        if option not in known:
            its = f"its options are {', '.join(known)}" if known else "it has no options"
            raise TypeError(f"'{option}' must be left out for {name}: {its}.")
    if layer is not None and not method.takes_layer:
        those = " or ".join(other for other, entry in METHODS.items() if entry.takes_layer)
        advice = f"Leave it out, or choose {those}."
        raise invalid("layer", f"be None for {name}, which uses no layer", repr(layer), advice)
