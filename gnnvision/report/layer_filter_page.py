"""The section with the filters of a network: kernels on images, weight matrices on graphs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain import Filters, filters, leaf_layers, trace
from gnnvision.layers import Convolution
from gnnvision.operators.signals import is_sparse
from gnnvision.report.layer_filters import draw_filters, has_kernel_images
from gnnvision.report.layer_maps import layer_label
from gnnvision.report.layer_weights import draw_largest, draw_matrices, draw_response
from gnnvision.report.parts import Figure, Section
from gnnvision.report.words import plural

__all__ = ["filters_section"]

_KERNELS = (
    "The kernel of a convolution shows the pattern it detects: its feature map is large where "
    "the input resembles the kernel."
)
_HOW_KERNELS = (
    "Filters on three channels are shown in color, with 0 as medium gray. Of other filters the "
    "mean over the channels is shown: red is positive, blue negative. Each filter is scaled by "
    "its largest absolute value."
)
_MATRICES = (
    "On a graph a filter has no spatial shape, as neighbors have no order: it has one weight for "
    "each feature, shared by all neighbors. Features with positive weights (red) increase the "
    "value of a map, those with negative weights (blue) decrease it."
)


def filters_section(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    chosen: Sequence[str],
    figures: Path,
    features: Sequence[str] = (),
) -> Section | None:
    """The filters of the input layer and of the chosen layers; None if none can be drawn.

    Args:
        model: the network.
        x: one of its inputs.
        domain: the grid or graph of the input.
        chosen: the names of layers or blocks.
        figures: a folder that exists.
        features: the names of the input's channels, if they have names.
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
    """The kernels of the first convolution on images, and of the chosen ones."""
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    drawn = []
    for name in dict.fromkeys([*names[:1], *(n for n in chosen if n in names)]):
        found, label = filters(model, name), layer_label(name)
        if has_kernel_images(found):
            path = figures / f"filters_{_file(name)}.svg"
            count, total = draw_filters(path, found), found.values.shape[2]
            size = " × ".join(map(str, found.kernel_size or ()))
            some = f"the first {count} of {total:,}" if count < total else f"the {count}"
            caption = f"Filters of {label}: {some}, {size} pixels each."
            drawn.append(Figure(path, f"{plural(count, 'filter')} of {label}.", caption))
    return drawn


def _weights(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    chosen: Sequence[str],
    figures: Path,
    features: Sequence[str],
) -> list[Figure]:
    """The weights of layers on a graph: bars by feature for input layers, matrices for others."""
    on_sites = {name: module for name, module in leaf_layers(model) if _has_matrices(module)}
    reading = _input_layers(model, x, domain, on_sites)
    drawn = []
    for name in reading:
        found, label = filters(model, name), layer_label(name)
        names = list(features) or [f"feature {n}" for n in range(found.values.shape[1])]
        path = figures / f"filters_{_file(name)}.svg"
        shown, total = draw_largest(path, found, names), found.values.shape[2]
        some = f"{shown} of its {total:,} maps" if shown < total else f"each of its {total} maps"
        caption = (
            f"The features with the largest absolute weights in {label}, for {some}"
            f"{_sources(found)}."
        )
        alt = f"The largest weights of {label}. {_described(found, names)}"
        drawn.append(Figure(path, alt, caption))
    for name, module in on_sites.items():
        here = any(name == one or name.startswith(f"{one}.") for one in chosen)
        if name in reading or not here or not isinstance(module, Convolution):
            continue
        found, label = filters(model, name), layer_label(name)
        path = draw_matrices(figures / f"filters_{_file(name)}.png", found)
        rows, columns = found.values.shape[1:]
        caption = (
            f"Weight matrix of {label}: rows are the {rows:,} maps of the layer before, columns "
            f"its own {columns:,} maps{_sources(found)}."
        )
        drawn.append(Figure(path, f"The weights of {label} as a matrix.", caption))
    for name in on_sites:
        found, label = filters(model, name), layer_label(name)
        if found.is_polynomial and len(found.values) > 1 and (name in reading or name in chosen):
            path = draw_response(figures / f"response_{_file(name)}.svg", found)
            caption = (
                f"Frequency response of {label}. Low frequencies (left) vary little between "
                "neighbors, high ones (right) change along every edge. The gain is the root mean "
                "square over all input features, relative to the largest in its row."
            )
            drawn.append(Figure(path, f"The frequency response of {label}.", caption))
    return drawn


def _has_matrices(module: nn.Module) -> bool:
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return False
    has_weights = any(True for _ in module.parameters())
    return isinstance(module, (Convolution, nn.Linear)) and has_weights


def _input_layers(
    model: nn.Module, x: Tensor, domain: Domain, on_sites: dict[str, nn.Module]
) -> list[str]:
    """The layers whose input is the input of the network, and whose output has sites."""
    if not on_sites:
        return []
    calls = trace(model, x, domain, modules=list(on_sites.items()), keep=on_sites)[1]
    entered = [c.name for c in calls if c.layer.domain is not None and _is_same(c.signal, x)]
    convolutions = [name for name in entered if isinstance(on_sites[name], Convolution)]
    return convolutions or entered


def _is_same(signal: Tensor, x: Tensor) -> bool:
    if signal is x:
        return True
    if signal.shape != x.shape or is_sparse(signal) != is_sparse(x):
        return False
    return torch.equal(signal.to_dense(), x.to_dense())


def _sources(found: Filters) -> str:
    """The nodes whose features the matrices read, as a clause."""
    if not found.terms:
        return ""
    if len(found.terms) == 1:
        return f"; features of: {found.terms[0]}"
    return f"; one matrix each for: {', '.join(found.terms)}"


def _described(found: Filters, names: Sequence[str]) -> str:
    """The largest weight of each of the first maps, for the alternative text."""
    each = []
    for channel in range(min(3, found.values.shape[2])):
        for _, row, weight in found.strongest(channel, 1):
            each.append(f"map {channel}: {names[row]} {weight:+.2f}")
    return "; ".join(each) + "."


def _file(name: str) -> str:
    """A name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("._")[:40] or "layer"
