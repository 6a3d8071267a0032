"""The sections of a page that explains answers: attributions, and how far to trust them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gnnvision.explain import METHODS
from gnnvision.report.attribution_draw import (
    FOR_CLASSES,
    FOR_NUMBERS,
    Drawn,
    draw_attributions,
    draw_curves,
    input_layer,
)
from gnnvision.report.attribution_found import Explained
from gnnvision.report.attribution_stages import draw_stages
from gnnvision.report.molecules_draw import short
from gnnvision.report.parts import Picture, Section, Table
from gnnvision.report.words import sentence

__all__ = ["sections_of"]

_CURVES = ("deletion", "insertion")
_HEAD = (
    "Method",
    "Completeness",
    "Deletion (random)",
    "Insertion (random)",
    "Sanity check",
)
_READING = (
    "Completeness: how much of the answer's rise over an input of zeros the parts of integrated "
    "gradients add up to. Deletion and insertion: the areas under the curves of the {measure}, in "
    "brackets those of random orders; small is good for deletion, large for insertion. A part of "
    "a picture is covered with a blurred copy of it, a node by taking away its features. Sanity "
    "check: the rank correlation with the map of a network of the same form whose weights were "
    "all drawn anew, the mean over several draws. From 0.50 on the map would look much the same "
    "whatever the network had learnt, and is called worthless; fewer than 6 sites decide nothing."
)


def sections_of(explained: Sequence[Explained], figures: Path) -> list[Section]:
    """The sections of all inputs, and their pictures as files.

    Args:
        explained: what was found.
        figures: a folder that exists.
    """
    sections = []
    for number, one in enumerate(explained, 1):
        sections.append(_maps(one, number, figures))
        if one.curves:
            sections += [_worth(one, number, figures), _forgetting(one, number, figures)]
    if any(one.curves for one in explained):
        measure = next(iter(explained[0].curves.values())).measure
        sections.append(Section("How to read the numbers", _READING.format(measure=measure)))
    return sections


def _maps(one: Explained, number: int, figures: Path) -> Section:
    asked, what = one.asked, one.asked.canvas.what
    place = input_layer(asked.x, asked.domain)
    signs = FOR_NUMBERS if one.kind == "regression" else FOR_CLASSES
    path = draw_attributions(
        figures / f"attribution_{number}.png", Drawn(asked.canvas, place, one.found, signs)
    )
    names = ", ".join(METHODS[name].title for name in one.found)
    layers = {found.layer for found in one.found.values() if found.layer is not None}
    caption = "Each map has a scale of its own."
    if layers:
        caption += f" The layer that Grad-CAM looks at is {', '.join(sorted(layers))}."
    if what == "picture":
        caption += " A few of the largest values share the last colour."
    picture = Picture(path, f"The {what} {asked.name} and its explanations by {names}.", caption)
    lead = f"{asked.answer} Explained is the output for “{one.target}”."
    notes = [sentence(note) for note in asked.notes]
    for name, found in one.found.items():
        notes += [f"{METHODS[name].title}: {note}" for note in found.notes]
    return Section(asked.name, lead, [picture], note=" ".join(notes), wide=True)


def _worth(one: Explained, number: int, figures: Path) -> Section:
    path = draw_curves(figures / f"curves_{number}.png", one.curves)
    told = "; ".join(
        f"{METHODS[name].title}: areas {held.areas['deletion']:.2f} and "
        f"{held.areas['insertion']:.2f}"
        for name, held in one.curves.items()
    )
    caption = (
        "What is left of the answer as the sites are covered, or uncovered, in the order of "
        "their values; the grey line is the mean of random orders."
    )
    picture = Picture(path, f"Deletion and insertion curves. {told}.", caption)
    better = [METHODS[n].title for n, held in one.curves.items() if held.better_than_random]
    worthless = [METHODS[n].title for n, c in one.sanity.items() if c.verdict == "worthless"]
    lead = f"Better than random orders, in both curves: {', '.join(better) or 'none'}."
    if worthless:
        lead += (
            f" Worthless here, as a network that has learnt nothing gives much the same map: "
            f"{', '.join(worthless)}."
        )
    title = f"What these explanations are worth: {short(one.asked.name, 40)}"
    return Section(title, lead, [picture], [_table(one)], wide=True)


def _forgetting(one: Explained, number: int, figures: Path) -> Section:
    """How the maps change while the network forgets, with the figures and the verdict below."""
    stages = {name: one.by_stage(name) for name in one.stages}
    path = draw_stages(figures / f"randomisation_{number}.png", stages)
    means = {
        name: [f"{sum(draws) / len(draws):z.2f}" for _, draws in held]
        for name, held in stages.items()
    }
    told = "; ".join(f"{METHODS[name].title}: {', '.join(row)}" for name, row in means.items())
    picture = Picture(
        path,
        f"Similarity after each stage. {told}.",
        "Lines are the means over draws of new weights, dots the single draws.",
    )
    layers = [layer for layer, _ in next(iter(stages.values()))]
    rows = [
        [f"{layer} (all)" if layer == layers[-1] else layer, *values]
        for layer, *values in zip(layers, *means.values(), strict=True)
    ]
    rows.append(["verdict", *(one.sanity[name].verdict for name in stages)])
    table = Table(("Drawn anew down to", *(METHODS[name].title for name in stages)), rows)
    lead = (
        "The network forgets what it learnt from its head down: stage by stage the weights of "
        "more layers are drawn anew. A map that shows what was learnt soon becomes another, with "
        "a rank correlation near 0; one that stays the same shows the picture or the graph, not "
        "the network."
    )
    few = any(len(draws) != len(held[-1][1]) for held in stages.values() for _, draws in held)
    note = "Of an input of this size there is one draw for each stage before the last." * few
    title = f"While the network forgets: {short(one.asked.name, 40)}"
    return Section(title, lead, [picture], [table], note, wide=True)


def _table(one: Explained) -> Table:
    rows = []
    for name, found in one.found.items():
        gap = "–" if found.completeness is None else f"{100 * (1 - found.completeness):.1f} %"
        areas, check = one.curves[name].areas, one.sanity[name]
        cells = [METHODS[name].title, gap]
        cells += [f"{areas[k]:.2f} ({areas['random_' + k]:.2f})" for k in _CURVES]
        rows.append([*cells, f"{check.verdict} ({check.remaining:z.2f})"])
    return Table(_HEAD, rows)
