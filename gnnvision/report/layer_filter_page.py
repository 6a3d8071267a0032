"""The section of a page that shows filters: kernels of pictures, matrices of graphs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain import Filters, filters
from gnnvision.explain.trace import leaf_layers, trace
from gnnvision.layers import Convolution
from gnnvision.operators.signals import is_sparse
from gnnvision.report.layer_filters import draw_filters, worth_drawing
from gnnvision.report.layer_weights import draw_matrices, draw_response, draw_strongest
from gnnvision.report.parts import Figure, Section
from gnnvision.report.words import plural

__all__ = ["filters_section"]

_KERNELS = (
    "The weights of a convolution are a small picture of what it looks for: where the input "
    "looks like the filter, the map is strongly positive."
)
_HOW_KERNELS = (
    "Filters that read three channels are shown in color, with middle gray for 0; of others "
    "the mean over the channels is shown, red for positive and blue for negative weights. "
    "Every filter has a scale of its own."
)
_MATRICES = (
    "On a graph a filter has no shape, as neighbors have no order: it is a weight for each "
    "feature, the same for all neighbors. A map is strongly positive where the features with "
    "the red bars come together, and falls where those with the blue ones do."
)


def filters_section(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    chosen: Sequence[str],
    figures: Path,
    features: Sequence[str] = (),
) -> Section | None:
    """The filters of what reads the input and of the chosen layers; None if none can be drawn.

    Args:
        model: the network.
        x: one of its inputs.
        domain: where that lives.
        chosen: names of layers or of blocks of them.
        figures: a folder that exists.
        features: the names of the input's channels, where they mean something each.
    """
    kernels = _kernels(model, chosen, figures)
    weights = _weights(model, x, domain, chosen, figures, features)
    if not kernels and not weights:
        return None
    lead = " ".join([_KERNELS] * bool(kernels) + [_MATRICES] * bool(weights))
    return Section(
        "Filters", lead, [*kernels, *weights], note=_HOW_KERNELS * bool(kernels),
        wide=bool(weights),
    )  # fmt: skip


def _kernels(model: nn.Module, chosen: Sequence[str], figures: Path) -> list[Figure]:
    """The first convolution of a picture, and the chosen ones."""
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    pictures = []
    for name in dict.fromkeys([*names[:1], *(n for n in chosen if n in names)]):
        found = filters(model, name)
        if worth_drawing(found):
            path = figures / f"filters_{_file(name)}.png"
            count, total = draw_filters(path, found), found.values.shape[2]
            size = " × ".join(map(str, found.kernel_size or ()))
            some = f"The first {count} of {total:,}" if count < total else f"The {count}"
            caption = f"{name}: {some} filters, {size} pixels."
            pictures.append(Figure(path, f"{plural(count, 'filter')} of {name}.", caption))
    return pictures


def _weights(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    chosen: Sequence[str],
    figures: Path,
    features: Sequence[str],
) -> list[Figure]:
    """The matrices of layers on a graph: of the first ones by name, of others as a whole."""
    on_sites = {name: module for name, module in leaf_layers(model) if _has_matrices(module)}
    reading = _reading(model, x, domain, on_sites)
    pictures = []
    for name in reading:
        found = filters(model, name)
        names = list(features) or [f"feature {n}" for n in range(found.values.shape[1])]
        path = figures / f"filters_{_file(name)}.png"
        shown, total = draw_strongest(path, found, names), found.values.shape[2]
        some = (
            f"{shown} of its {total:,} maps, those with the largest weights"
            if shown < total
            else f"each of its {total} maps"
        )
        caption = (
            f"{name} reads the input. For {some}: the features that weigh most"
            f"{_listening(found)}. All bars have one scale."
        )
        alt = f"The strongest weights of {name}. {_told(found, names)}"
        pictures.append(Figure(path, alt, caption))
    for name, module in on_sites.items():
        here = any(name == one or name.startswith(f"{one}.") for one in chosen)
        if name in reading or not here or not isinstance(module, Convolution):
            continue
        found = filters(model, name)
        path = draw_matrices(figures / f"filters_{_file(name)}.png", found)
        rows, columns = found.values.shape[1:]
        caption = (
            f"{name} reads the {rows:,} maps of the layer before: a row for each of them, a "
            f"column for each of its own {columns:,} maps{_listening(found)}."
        )
        pictures.append(Figure(path, f"The weights of {name} as a matrix.", caption))
    for name in on_sites:
        found = filters(model, name)
        if found.is_polynomial and len(found.values) > 1 and (name in reading or name in chosen):
            path = draw_response(figures / f"response_{_file(name)}.png", found)
            caption = (
                f"{name} as a filter of frequencies: on the left what changes little from a node "
                "to its neighbors, on the right what changes at every edge. Dark is what a map "
                "lets through, as a share of the most in its row, over all features."
            )
            pictures.append(Figure(path, f"The frequencies that {name} lets through.", caption))
    return pictures


def _has_matrices(module: nn.Module) -> bool:
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return False
    return isinstance(module, (Convolution, nn.Linear))


def _reading(
    model: nn.Module, x: Tensor, domain: Domain, on_sites: dict[str, nn.Module]
) -> list[str]:
    """The layers that the input itself enters, which have a map of more than one site."""
    if not on_sites:
        return []
    calls = trace(model, x, domain, modules=list(on_sites.items()), keep=on_sites)[1]
    entered = [c.name for c in calls if c.domain is not None and _is(c.signal, x)]
    convolutions = [name for name in entered if isinstance(on_sites[name], Convolution)]
    return convolutions or entered


def _is(signal: Tensor, x: Tensor) -> bool:
    if signal is x:
        return True
    if signal.shape != x.shape or is_sparse(signal) != is_sparse(x):
        return False
    return torch.equal(signal.to_dense(), x.to_dense())


def _listening(found: Filters) -> str:
    """Whom the matrices listen to, in words."""
    if len(found.terms) < 2:
        words = {"node itself": " for the site itself", "neighbors": ", summed over the neighbors"}
        usual = ", summed over the neighbors and itself"
        return words.get(found.terms[0], usual) if found.terms else ""
    return f"; it has a matrix for each of: {', '.join(found.terms)}"


def _told(found: Filters, names: Sequence[str]) -> str:
    """The strongest weight of the first maps, for those who cannot see the picture."""
    told = []
    for channel in range(min(3, found.values.shape[2])):
        for _, row, weight in found.strongest(channel, 1):
            told.append(f"map {channel}: {names[row]} {weight:+.2f}")
    return "; ".join(told) + "."


def _file(name: str) -> str:
    """A name that a file can have."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("._")[:40] or "layer"
