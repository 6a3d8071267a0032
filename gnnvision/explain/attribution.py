"""Why this answer: one call for every method, for pictures and graphs alike."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.domains.device import widest
from gnnvision.explain import gradients, occlusion
from gnnvision.explain.cam_layer import cam_layer
from gnnvision.explain.grad_cam import grad_cam, guided_grad_cam
from gnnvision.explain.integrated import STEPS, Estimator, shared_out
from gnnvision.explain.layers import Layer
from gnnvision.explain.members import member_of, nearly_constant, num_members, total
from gnnvision.explain.question import Question, Target, ask, fitted
from gnnvision.layers.hooks import evaluating
from gnnvision.layers.missing import known_complete

__all__ = [
    "METHODS",
    "Attribution",
    "Method",
    "attribute",
    "check_options",
    "completeness",
    "method_named",
    "values_for",
]


@dataclass(frozen=True)
class Method:
    """A way to explain an answer.

    Args:
        explain: from a question, and a layer if it takes one, to values and notes.
        title: its name for people.
        signed: whether negative values speak against the answer; else the least is 0.
        value: what a value is, for a scale.
        takes_layer: whether it looks at a layer inside.
    """

    explain: Callable[..., tuple[Tensor, list[str]]]
    title: str
    signed: bool
    value: str
    takes_layer: bool = False


def _integrated(
    question: Question,
    baseline: Tensor | None = None,
    steps: int = STEPS,
    estimator: Estimator = "gauss_legendre",
) -> tuple[Tensor, list[str]]:
    return shared_out(question, baseline, steps, estimator).sum(1), []


METHODS: dict[str, Method] = {
    "gradient": Method(
        gradients.gradient, "Gradient", False, "how much a change here would move the answer"
    ),
    "input_gradient": Method(
        gradients.input_gradient, "Input × gradient", True, "input times gradient"
    ),
    "integrated_gradients": Method(
        _integrated, "Integrated gradients", True, "part of the answer's rise over the baseline"
    ),
    "grad_cam": Method(
        grad_cam, "Grad-CAM", False, "how strongly the layer speaks for the answer here", True
    ),
    "guided_gradient": Method(
        gradients.guided_gradient, "Guided gradient", False, "gradient along paths that excite"
    ),
    "guided_grad_cam": Method(
        guided_grad_cam, "Guided Grad-CAM", False, "guided gradient × Grad-CAM", True
    ),
    "occlusion": Method(
        occlusion.occlusion, "Occlusion", True, "what the answer loses if this is covered"
    ),
}


@dataclass(frozen=True)
class Attribution:
    """How much each site of an input has to do with an answer.

    Args:
        values: (B, H, W) on a grid, (N,) on a graph.
        method: a name of `METHODS`.
        target: the column that was explained, of each member. Shape (members,).
        layer: the layer it looks at; None where it looks at none.
        notes: what has to be known to read it, a sentence each.
        completeness: by what share of the answer's rise over the baseline the parts miss it, the
            largest of all members; None where the method promises no such thing.
        outputs: all that the model says. Shape (members, columns).
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
        """Whether negative values speak against the answer."""
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
    """How much each pixel or node has to do with an answer of a model.

    The model is used in evaluation mode and left as it was found: modes, hooks, gradients and
    `requires_grad`, after an error too.

    Args:
        model: called as (x, domain); its output has a row for each member of the batch and a
            column for each answer. What is explained is that output itself: a logit, if the
            model ends with one.
        x: the signal: dense and finite. Shape (B, C, H, W) on a grid, (N, C) on a graph.
        domain: where it lives.
        method: "gradient" and "guided_gradient" (the largest over the channels, without sign),
            "input_gradient", "integrated_gradients" and "occlusion" (with sign), "grad_cam" or
            "guided_grad_cam" (what speaks for the answer).
        target: a column for all members, or one for each; None for the class that the model
            says, the largest output of each member; column 0 where there is one alone.
        layer: for Grad-CAM: the name of a layer whose output lies on sites, or is the tokens of
            a transformer; the one that `last_spatial` chooses if not given.
        site: for a model that answers for every node of a graph: the node that is meant.
        **options: `baseline`, `steps` and `estimator` of integrated gradients; `baseline`,
            `window`, `stride` (on a grid) or `hops` (on a graph) of occlusion.

    Raises:
        TypeError: if `x` is not floating point, `target` no integer, or the method has no such
            option.
        ValueError: if a name is unknown (with the nearest), a number out of range, `layer` has
            no sites or is not for this method, or the model's answer is not finite.

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
    way = METHODS[name]
    check_options(name, options, layer)
    question = ask(model, x, domain, target, site)
    with known_complete():
        values, notes, found = _explained(question, way, layer, options)
        values, more = _mended(values, question)
        gap = None
        if name == "integrated_gradients":
            gap = float(completeness(question, values, options.get("baseline")).max())
    if gap is not None:
        if gap > 0.01:
            more.append(
                f"The parts miss the answer's rise by {gap:.1%}: more steps come nearer to it "
                f"(here {options.get('steps', STEPS)})."
            )
    return Attribution(
        values,
        name,
        question.target,
        None if found is None else found.name,
        tuple(notes + more),
        gap,
        question.outputs,
    )


def values_for(
    question: Question,
    model: nn.Module,
    method: str,
    layer: str | None = None,
    **options: Any,  # noqa: ANN401
) -> Tensor:
    """The values of `attribute` for another model and a question that was checked.

    Nothing is looked at on the way, so that a GPU is not waited for: where an output of the
    model is not finite, which `attribute` refuses, all values are NaN.

    Args:
        question: what is explained.
        model: whose answer is explained.
        method: a name of `METHODS`.
        layer: as for `attribute`.
        **options: as for `attribute`.
    """
    asked = question.of(model)
    with known_complete():
        values, _, _ = _explained(asked, METHODS[method], layer, options)
    values = values.masked_fill(~values.isfinite(), 0)
    return values.masked_fill(~asked.outputs.isfinite().all(), torch.nan)


def _explained(
    question: Question, way: Method, layer: str | None, options: dict[str, Any]
) -> tuple[Tensor, list[str], Layer | None]:
    """The values of a method, its notes, and the layer that it looked at."""
    if not way.takes_layer:
        values, notes = way.explain(question, **options)
        return values.detach(), notes, None
    found = cam_layer(question.model, question.x, question.domain, layer)
    values, notes = way.explain(question, found, **options)
    return values.detach(), notes, found


def method_named(name: str) -> str:
    """The name of a method as it stands in `METHODS`; "-" may stand for "_".

    Raises:
        ValueError: if there is none, with the nearest.
    """
    wanted = str(name).lower().replace("-", "_")
    if wanted not in METHODS:
        near = difflib.get_close_matches(wanted, METHODS, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"'method' must be the name of a method, got {name!r}. Did you mean {near!r}? There "
            f"are {', '.join(METHODS)}."
        )
    return wanted


def completeness(question: Question, values: Tensor, baseline: Tensor | None = None) -> Tensor:
    """|Σ values - (f(x) - f(x'))| / |f(x) - f(x')| of each member.

    A rise that is next to nothing beside the two answers themselves, less than a thousandth of
    them, counts as that thousandth.

    Args:
        question: what was explained.
        values: of each site.
        baseline: x'; zeros if not given.

    Shapes:
        Output: (members,).
    """
    with evaluating(question.model), torch.no_grad():
        start = question.answer(fitted(baseline, question.x))
    end = question.score
    wide = widest(values.device)
    rise = (end - start).to(wide)
    summed = total(values.to(wide).unsqueeze(1), question.domain)
    least = 1e-3 * (end.abs() + start.abs()).to(wide)
    gap = (summed - rise).abs() / torch.maximum(rise.abs(), least).clamp(min=1e-12)
    return gap


def _mended(values: Tensor, question: Question) -> tuple[Tensor, list[str]]:
    """Values that can be drawn, and what had to be done or said for it."""
    notes = []
    held = values.cpu()  # looked at there: a GPU would be waited for at each step
    bad = ~held.isfinite()
    if bool(bad.any()):
        notes.append(
            f"{int(bad.sum())} of {values.numel()} values were NaN or infinite, from a function "
            "without a derivative here; they are set to 0."
        )
        held = held.masked_fill(bad, 0)
        values = held.to(values.device)
    member = member_of(question.x, question.domain).cpu()
    flat = [
        number
        for number in range(num_members(question.x, question.domain))
        if nearly_constant(held[member == number])
    ]
    if flat and question.domain.num_sites > 1:
        which = "" if len(question.target) == 1 else f" of member {', '.join(map(str, flat))}"
        notes.append(
            f"The map{which} is the same everywhere, or next to it: it points at nothing."
        )
    return values, notes


def check_options(name: str, options: dict[str, Any], layer: str | None) -> None:
    """That a method has these options and, if one is named, looks at a layer."""
    method = METHODS[name]
    skipped = 2 if method.takes_layer else 1
    known = list(inspect.signature(method.explain).parameters)[skipped:]
    for option in options:
        if option not in known:
            allowed = f"among {', '.join(known)}" if known else "none at all"
            raise TypeError(
                f"'options' of {name} must be {allowed}, got {option!r}. Leave it out."
            )
    if layer is not None and not method.takes_layer:
        those = " or ".join(other for other, entry in METHODS.items() if entry.takes_layer)
        raise ValueError(
            f"'layer' must be None for {name}, which looks at the input, got {layer!r}. Leave "
            f"it out, or choose {those}."
        )
