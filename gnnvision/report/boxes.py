"""The boxes of a diagram of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gnnvision.domains import Grid
from gnnvision.inspect import LayerSummary, Summary

__all__ = ["KINDS", "Step", "steps_of"]

MOST = 17  # boxes; a longer network is drawn by its blocks
NAMELESS = ("Sequential", "ModuleList")
ACTIVATIONS = {"relu", "gelu", "silu", "elu", "leaky_relu", "hardtanh", "sigmoid", "tanh"}
KINDS = ("input", "convolution", "pooling", "linear", "block", "attention", "other")


@dataclass(frozen=True)
class Step:
    """One box: a signal and the layer that made it.

    Args:
        kind: one of `KINDS`.
        name: of the layer's class.
        settings: its arguments.
        after: layers that keep the shape, such as an activation.
        shape: of the signal, without the batch.
        parameters: their number.
        times: how many such layers follow each other.
    """

    kind: str
    name: str
    settings: str
    after: tuple[str, ...]
    shape: tuple[int, ...]
    parameters: int
    times: int = 1


def steps_of(summary: Summary) -> list[Step]:
    """The boxes of a network, the input first."""
    network = _unwrapped(summary.network)
    start = Step("input", "Input", "", (), summary.input_shape, 0)
    if summary.depth is not None:
        steps = _repeated(_merged(_layers_at(network, summary.depth)))
    else:
        steps = _merged(_chain_layers(network))
        candidates = [steps, _repeated(steps)]
        candidates += [_repeated(_merged(_layers_at(network, depth))) for depth in (4, 3, 2, 1)]
        short = [steps for steps in candidates if len(steps) < MOST]
        telling = [steps for steps in short if not any(step.name in NAMELESS for step in steps)]
        steps = (telling or short or candidates[-1:])[0]
    return _without_batch(summary, [start, *steps])


def _unwrapped(layer: LayerSummary) -> LayerSummary:
    """The layer itself, or what it has as its only child and adds nothing to."""
    while len(layer.children) == 1 and layer.children[0].children:
        (inner,) = layer.children
        if (inner.input_shape, inner.output_shape) != (layer.input_shape, layer.output_shape):
            break
        layer = inner
    return layer


def _layers_at(layer: LayerSummary, depth: int) -> Iterator[LayerSummary]:
    """The layers at a depth, and those above it that have no children."""
    if not layer.children or depth == 0:
        yield layer
        return
    for child in layer.children:
        yield from _layers_at(child, depth - 1)


def _chain_layers(layer: LayerSummary, is_root: bool = True) -> Iterator[LayerSummary]:
    """The layers of all chains; a block that is not a chain stays one box."""
    if layer.children and (is_root or _is_chain(layer)):
        for child in layer.children:
            yield from _chain_layers(child, is_root=False)
    elif layer.was_called:
        yield layer


def _is_chain(layer: LayerSummary) -> bool:
    """Whether each layer's input is the output of the one before, with nothing in between."""
    shape = layer.input_shape
    for child in layer.children:
        if not child.was_called or child.input_shape != shape:
            return False
        shape = child.output_shape
    functions = set(layer.between.replace(" × ", " ").split(", ")) - {""}
    return functions <= ACTIVATIONS and shape == layer.output_shape


def _merged(layers: Iterator[LayerSummary]) -> list[Step]:
    """A box for each layer that changes the shape or multiplies; the others join it."""
    steps: list[Step] = []
    for layer in layers:
        if not layer.was_called or layer.output_shape is None:
            continue
        inert = not layer.macs and layer.input_shape == layer.output_shape
        flat = layer.kind in ("Flatten", "Unflatten", "Permute")
        if (flat or inert) and steps:
            last = steps[-1]
            after = last.after if layer.kind == "Identity" else (*last.after, layer.kind)
            held = last.parameters + layer.parameters
            steps[-1] = replace(last, after=after, parameters=held)
            continue
        if inert and not layer.parameters:
            continue
        steps.append(
            Step(
                kind_of(layer),
                layer.kind,
                "" if layer.children else layer.settings,
                (),
                layer.output_shape,
                layer.parameters,
            )
        )
    return steps


def _repeated(steps: Sequence[Step]) -> list[Step]:
    """Neighbors of the same kind and shape as one box."""
    out: list[Step] = []
    for step in steps:
        last = out[-1] if out else None
        if last and (last.name, last.shape, last.after) == (step.name, step.shape, step.after):
            held = last.parameters + step.parameters
            out[-1] = replace(last, times=last.times + 1, settings="", parameters=held)
        else:
            out.append(step)
    return out


def _without_batch(summary: Summary, steps: Sequence[Step]) -> list[Step]:
    """Shapes without the batch dimension of images; those of a graph have none."""
    if not isinstance(summary.domain, Grid):
        return list(steps)
    return [replace(step, shape=step.shape[1:] or step.shape) for step in steps]


def kind_of(layer: LayerSummary) -> str:
    """The kind of a layer, one of `KINDS`."""
    name = layer.kind
    if "Attention" in name or "GAT" in name or "EncoderBlock" in name or "Transformer" in name:
        return "attention"
    if "Pool" in name or name in ("Readout", "Upsample"):
        return "pooling"
    if layer.children:
        return "block"
    if "Conv" in name or name == "Whitening":
        return "convolution"
    return "linear" if "Linear" in name else "other"
