"""The sections of a page that looks into a network: maps by depth, what they see, filters."""

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
    Layer,
    feature_maps,
    layers_by_depth,
    receptive_field_sizes,
    receptive_fields,
)
from gnnvision.explain.receptive import Field
from gnnvision.report.layer_canvas import Canvas
from gnnvision.report.layer_filter_page import filters_section
from gnnvision.report.layer_maps import Depth, draw_depths, draw_map_sheet
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.words import plural, sentence
from gnnvision.summary import Reach

__all__ = ["Looked", "look_into"]

_SCALES = (
    "Every map has a scale of its own: red is positive, blue negative, white 0; its largest "
    "numbers, whatever their sign, have the full color."
)

_EDGES = (
    "Where the sites are edges, one in either direction, a node is shown with the mean of those "
    "that arrive, and seen is what the edge to the chosen node sees."
)


@dataclass(frozen=True)
class Looked:
    """One input that is looked at.

    Args:
        name: for people.
        x: the signal, a batch of one, or the whole of a citation network.
        domain: where it lives.
        canvas: what to draw on.
        answer: what the network says of it, in words.
        notes: what was changed about it.
    """

    name: str
    x: Tensor
    domain: Domain
    canvas: Canvas
    answer: str
    notes: Sequence[str] = ()


def look_into(
    model: nn.Module,
    inputs: Sequence[Looked],
    names: Sequence[str],
    figures: Path,
    features: Sequence[str] = (),
) -> list[Section]:
    """The sections of all inputs, and the pictures and numbers behind them as files.

    Args:
        model: the network.
        inputs: what it looks at.
        names: of the layers; a choice from local to global if empty.
        figures: a folder that exists.
        features: the names of the input's channels, where they mean something each.

    Raises:
        ValueError: if a layer is not there or has no sites.
    """
    sections: list[Section] = []
    chosen: list[str] = []
    for number, one in enumerate(inputs):
        try:
            seen, unknown = receptive_field_sizes(model, one.x, one.domain), ""
        except (TypeError, ValueError) as error:
            seen, unknown = {}, f"What a layer sees cannot be told: {error}"
        wanted = list(names) or layers_by_depth(model, one.x, one.domain, seen)
        chosen += [name for name in wanted if name not in chosen]
        maps = {name: feature_maps(model, one.x, one.domain, name) for name in wanted}
        place = figures / f"{number + 1}_{_file(one.name)}"
        _write(place.with_name(f"{place.name}_maps.npz"), maps)
        sections.append(_by_depth(model, one, maps, seen, place, unknown))
        if (sheets := _sheets(one, maps, place)) is not None:
            sections.append(sheets)
    found = filters_section(model, inputs[0].x, inputs[0].domain, chosen, figures, features)
    return [*sections, *([found] if found else [])]


def _by_depth(
    model: nn.Module,
    one: Looked,
    maps: Mapping[str, FeatureMaps],
    seen: Mapping[str, Reach | None],
    place: Path,
    unknown: str,
) -> Section:
    fitting = {name: each for name, each in maps.items() if one.canvas.fits(each.layer)}
    known = {n: one.canvas.site(m.layer) for n, m in fitting.items() if _is_known(seen.get(n))}
    fields, refused = _fields(model, one, known)
    unknown = " ".join(filter(None, [unknown, refused]))
    rows = [Depth(each, fields.get(name)) for name, each in fitting.items()]
    pictures = []
    if rows:
        path = draw_depths(place.with_name(f"{place.name}_depths.png"), one.canvas, rows)
        alt = f"Rows for {', '.join(fitting)}: what a site sees of {one.name}, and five maps."
        pictures.append(Figure(path, alt, "From top to bottom: layers that see more and more."))
    lead = (
        f"{one.answer} Each row is a layer; in its first picture {one.canvas.seen}, and beside it "
        "are the five maps that differ most from place to place, drawn over the input."
    )
    missing = [name for name in maps if name not in fitting]
    notes = [*map(sentence, one.notes), _SCALES, one.canvas.note]
    if any(each.layer.edges_of is not None for each in fitting.values()):
        notes.append(_EDGES)
    notes += [_pooled(name, each.layer) for name, each in fitting.items()]
    if missing:
        notes.append(f"Not drawn, as their sites have no place here: {', '.join(missing)}.")
    note = " ".join(filter(None, [*notes, unknown]))
    table = [_table(maps, fields)]
    return Section(f"{one.name}: from local to global", lead, pictures, table, note, wide=True)


def _fields(
    model: nn.Module, one: Looked, known: Mapping[str, int]
) -> tuple[dict[str, Field], str]:
    """What a site of each layer sees, and why it cannot be told of some, in words."""
    if not known:
        return {}, ""
    try:
        return receptive_fields(model, one.x, one.domain, known), ""
    except ValueError as error:  # behind a pooling of which it is not known what it joins
        if len(known) == 1:
            return {}, f"What a layer sees cannot be told: {error}"
    each = [_fields(model, one, {name: site}) for name, site in known.items()]
    fields = {name: field for found, _ in each for name, field in found.items()}
    return fields, " ".join(filter(None, (words for _, words in each)))


def _pooled(name: str, layer: Layer) -> str:
    """How what lies behind a pooling of a graph is drawn on its nodes; "" of other layers."""
    if layer.cluster is None:
        return ""
    ends = layer.edges_of or layer.domain
    count = 0 if ends is None else ends.num_sites
    out = int((layer.cluster < 0).sum())
    words = (
        f"{name} is behind pooling: it has a number for each of {plural(count, 'cluster')} of "
        "nodes, and every node has the color of its cluster."
    )
    left = "The node that was left out is" if out == 1 else f"The {out:,} left out are"
    return f"{words} {left} gray." if out else words


def _is_known(reach: Reach | None) -> bool:
    return reach is not None and "?" not in str(reach)


def _table(maps: Mapping[str, FeatureMaps], fields: Mapping[str, Field]) -> Table:
    rows = []
    for name, each in maps.items():
        field = fields.get(name)
        share = "" if field is None else f"{100 * field.share:.1f} %"
        dead = int(each.constant()[0].sum())
        sees = "not known" if field is None else str(field)
        layer = each.layer
        rows.append((name, layer.sites, sees, share, f"{layer.channels:,}", f"{dead:,}"))
    head = ("Layer", "Sites", "One site sees", "Of the input", "Maps", "Constant")
    return Table(head, rows, 3)


def _sheets(one: Looked, maps: Mapping[str, FeatureMaps], place: Path) -> Section | None:
    """32 maps of each layer; None where they are no pictures."""
    if one.canvas.what != "picture":
        return None
    pictures = []
    for name, each in maps.items():
        path = place.with_name(f"{place.name}_{_file(name)}.png")
        shown = len(draw_map_sheet(path, one.canvas, Depth(each)))
        some = f"{shown} of the {each.num_channels:,}" if shown < each.num_channels else "All"
        caption = f"{name}: {some} maps, {each.layer.sites} numbers each."
        pictures.append(Figure(path, f"{plural(shown, 'feature map')} of {name}.", caption))
    lead = (
        "The maps of each layer side by side. Those of the first layers still look like the "
        "picture: edges, colors, texture, place by place. Those of the last are coarse and "
        "answer to few things, wherever they are."
    )
    note = f"Above each map is its number. Shown are those that differ most. {_SCALES}"
    return Section(f"{one.name}: the maps of each layer", lead, pictures, note=note)


def _write(path: Path, maps: Mapping[str, FeatureMaps]) -> None:
    """The numbers of all maps: an array for each layer, (C, H, W) or (C, sites).

    Behind pooling of a graph also which of the sites each node is in, (N,), -1 for none.
    """
    arrays = {
        name: (each.on_grid()[0] if hasattr(each.domain, "size") else each.values[0])
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
    """A name that a file can have."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("._")[:40] or "input"
