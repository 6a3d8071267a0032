"""The sections of a page of feature maps: maps by depth, receptive fields, and filters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.explain import (
    FeatureMaps,
    Field,
    Layer,
    feature_maps,
    layers_by_depth,
    receptive_field_sizes,
    receptive_fields,
)
from gnnvision.inspect import Reach
from gnnvision.report.layer_canvas import Canvas
from gnnvision.report.layer_filter_page import filters_section
from gnnvision.report.layer_maps import Depth, draw_depth, draw_map_sheet, layer_label
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.words import plural, sentence

__all__ = ["InspectedInput", "layer_sections"]

_SCALES = (
    "Each map is scaled by its largest magnitude (99th percentile): red is positive, white 0, "
    "blue negative."
)

_UNKNOWN_FIELD = "The receptive field of a layer is unknown:"
_EDGES = (
    "For layers on directed edges a node shows the mean of its incoming edges, and the receptive "
    "field is that of an edge to the chosen node."
)


@dataclass(frozen=True)
class InspectedInput:
    """One input of a network, with what is needed to draw it.

    Args:
        name: its name on the page.
        x: the signal: a batch of one, or all nodes of a citation network.
        domain: the grid or graph of the signal.
        canvas: draws the input and values at its sites.
        prediction: the prediction of the network, in a sentence.
        notes: what was changed about the input, such as its size.
    """

    name: str
    x: Tensor
    domain: Domain
    canvas: Canvas
    prediction: str
    notes: Sequence[str] = ()


def layer_sections(
    model: nn.Module,
    inputs: Sequence[InspectedInput],
    names: Sequence[str],
    figures: Path,
    features: Sequence[str] = (),
) -> list[Section]:
    """The sections of all inputs; their figures and the values of the maps are written as files.

    Args:
        model: the network.
        inputs: the inputs to show.
        names: the names of the layers; a few from local to global if empty.
        figures: a folder that exists.
        features: the names of the input's channels, if they have names.

    Raises:
        ValueError: if there is no such layer, or its output has no sites.
    """
    sections: list[Section] = []
    chosen: list[str] = []
    for number, one in enumerate(inputs):
        try:
            sizes, unknown = receptive_field_sizes(model, one.x, one.domain), ""
        except (TypeError, ValueError) as error:
            sizes, unknown = {}, f"{_UNKNOWN_FIELD} {error}"
        wanted = list(names) or list(getattr(model, "shown_layers", ()))
        wanted = wanted or layers_by_depth(model, one.x, one.domain, sizes)
        chosen += [name for name in wanted if name not in chosen]
        maps = {name: feature_maps(model, one.x, one.domain, name) for name in wanted}
        place = figures / f"{number + 1}_{_file(one.name)}"
        _write(place.with_name(f"{place.name}_maps.npz"), maps)
        sections.append(_by_depth(model, one, maps, sizes, place, unknown))
        if (sheets := _sheets(one, maps, place)) is not None:
            sections.append(sheets)
    found = filters_section(model, inputs[0].x, inputs[0].domain, chosen, figures, features)
    return [*sections, *([found] if found else [])]


def _by_depth(
    model: nn.Module,
    one: InspectedInput,
    maps: Mapping[str, FeatureMaps],
    sizes: Mapping[str, Reach | None],
    place: Path,
    unknown: str,
) -> Section:
    fitting = {name: each for name, each in maps.items() if one.canvas.fits(each.layer)}
    known = {n: one.canvas.site(m.layer) for n, m in fitting.items() if _is_known(sizes.get(n))}
    fields, refused = _fields(model, one, known)
    unknown = " ".join(filter(None, [unknown, refused]))
    drawn = []
    for name, each in fitting.items():
        path = place.with_name(f"{place.name}_{_file(name)}_maps.png")
        draw_depth(path, one.canvas, Depth(each, fields.get(name)))
        layer = each.layer
        what = f"{plural(layer.channels, 'map')} of {layer.sites}"
        caption = f"Feature maps of {layer_label(name)} ({layer.kind}): {what}."
        alt = f"Receptive field of {layer_label(name)} in {one.name}, and five of its maps."
        drawn.append(Figure(path, alt, caption))
    lead = (
        f"{one.prediction} One figure per layer, from small to large receptive fields: first the "
        f"input, where {one.canvas.field_caption}; then the five feature maps with the largest "
        f"variance over the {one.canvas.sites}, drawn over the input."
    )
    missing = [name for name in maps if name not in fitting]
    notes = [*map(sentence, one.notes), _SCALES, one.canvas.note]
    if any(each.layer.edges_of is not None for each in fitting.values()):
        notes.append(_EDGES)
    notes += [_pooled(name, each.layer) for name, each in fitting.items()]
    if missing:
        names = ", ".join(missing)
        notes.append(
            f"Not drawn, as their sites do not correspond to those of the input: {names}."
        )
    note = " ".join(filter(None, [*notes, unknown]))
    table = [_table(maps, fields)]
    return Section(f"Feature maps by depth: {one.name}", lead, drawn, table, note, wide=True)


def _fields(
    model: nn.Module, one: InspectedInput, known: Mapping[str, int]
) -> tuple[dict[str, Field], str]:
    """The receptive field of a site of each layer, and why some are unknown."""
    if not known:
        return {}, ""
    try:
        return receptive_fields(model, one.x, one.domain, known), ""
    except ValueError as error:  # after a pooling layer with unknown clusters
        if len(known) == 1:
            return {}, f"{_UNKNOWN_FIELD} {error}"
    each = [_fields(model, one, {name: site}) for name, site in known.items()]
    fields = {name: field for found, _ in each for name, field in found.items()}
    return fields, " ".join(filter(None, (reason for _, reason in each)))


def _pooled(name: str, layer: Layer) -> str:
    """How a layer after pooling is drawn on the input's nodes; "" for other layers."""
    if layer.cluster is None:
        return ""
    ends = layer.edges_of or layer.domain
    count = 0 if ends is None else ends.num_sites
    out = int((layer.cluster < 0).sum())
    text = (
        f"After pooling, {layer_label(name)} has {plural(count, 'cluster')} of nodes. "
        "Each node has the color of its cluster."
    )
    dropped = "The dropped node is" if out == 1 else f"The {out:,} dropped nodes are"
    return f"{text} {dropped} gray." if out else text


def _is_known(reach: Reach | None) -> bool:
    return reach is not None and "?" not in str(reach)


def _table(maps: Mapping[str, FeatureMaps], fields: Mapping[str, Field]) -> Table:
    rows = []
    for name, each in maps.items():
        field = fields.get(name)
        share = "" if field is None else f"{100 * field.share:.1f} %"
        dead = int(each.constant()[0].sum())
        size = "unknown" if field is None else str(field)
        layer = each.layer
        rows.append((name, layer.sites, size, share, f"{layer.channels:,}", f"{dead:,}"))
    head = ("Layer", "Sites", "Receptive field", "Share of the input", "Maps", "Constant maps")
    return Table(head, rows, 3)


def _sheets(one: InspectedInput, maps: Mapping[str, FeatureMaps], place: Path) -> Section | None:
    """The section with up to 32 maps of each layer; None if the input is not an image."""
    if one.canvas.what != "image":
        return None
    drawn = []
    for name, each in maps.items():
        path = place.with_name(f"{place.name}_{_file(name)}.png")
        shown = len(draw_map_sheet(path, one.canvas, Depth(each)))
        some = f"{shown} of {each.num_channels:,}" if shown < each.num_channels else f"all {shown}"
        caption = f"Feature maps of {layer_label(name)}: {some}, {each.layer.sites} pixels each."
        drawn.append(
            Figure(path, f"{plural(shown, 'feature map')} of {layer_label(name)}.", caption)
        )
    lead = (
        "Maps of the first layers resemble the image: they respond to edges, colors and texture. "
        "Maps of the last layers are coarse and respond to few patterns, at any position."
    )
    note = f"The maps with the largest variance, each with its index. {_SCALES}"
    return Section(f"Feature maps of each layer: {one.name}", lead, drawn, note=note)


def _write(path: Path, maps: Mapping[str, FeatureMaps]) -> None:
    """Write the values of all maps: an array for each layer, (C, H, W) or (C, sites).

    After pooling on a graph also the cluster of each node, (N,), -1 for dropped nodes.
    """
    arrays = {
        name: (each.on_grid()[0] if hasattr(each.domain, "shape") else each.values[0])
        for name, each in maps.items()
    }
    part = path.with_name(f"{path.stem}.part.npz")
    held: dict[str, Any] = {name: a.float().cpu().numpy() for name, a in arrays.items()}
    for name, each in maps.items():
        if each.layer.cluster is not None:
            held[f"{name} cluster of each node"] = each.layer.cluster.cpu().numpy()
    np.savez_compressed(part, **held)
    part.replace(path)


def _file(name: str) -> str:
    """A name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("._")[:40] or "input"
