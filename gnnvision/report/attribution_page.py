"""The sections of a page that explains answers: attributions, and how far to trust them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite, isnan
from pathlib import Path

from gnnvision.explain import METHODS, Interval, mean_gains
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
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.words import sentence

__all__ = ["sections_of"]

_CURVES = ("deletion", "insertion")
_HEAD = (
    "Method",
    "Complete",
    "Deletion (random)",
    "Insertion (random)",
    "Against random",
    "Randomization",
)
_SHORT = {  # for the cells of a table
    "better than random": "better",
    "not better than random": "not better",
    "depends on the model": "depends",
    "fails the parameter-randomization test": "fails the test",
}
_READING = (
    "Completeness: how much of the output's rise over an input of zeros the parts of integrated "
    "gradients add up to; the rest is the error of the quadrature. Deletion and insertion: the "
    "areas under the curves of the {measure}, in brackets the range of the middle nine tenths of "
    "{orders} random orders; small is good for deletion, large for insertion. Better than random: "
    "both areas are outside of that range on the good side. Not better: one area is worse than "
    "the mean of the random orders, beyond the 95 % confidence interval of that mean. Undecided: "
    "neither, or a map that is the same everywhere and gives no order. A part of an image is "
    "covered with a blurred copy of it, a node by taking away its features."
)
_RANDOMIZED = (
    "Parameter randomization: the statistic is Spearman's rank correlation of absolute values "
    "between the map of this network and that of one of the same form whose weights are all "
    "random, the mean over the draws with its 95 % confidence interval (Student's t). Its square "
    "is the share of the variance of the ranks that both have in common. Beside it is the same "
    "correlation between two such randomized networks, with the interval by the jackknife: what "
    "the image or the graph and the form of the network give alone. The map depends on the model "
    "where less than a quarter is shared (the interval is below 0.50), and fails the test where "
    "more than half is (above 0.71). In between it depends on the model where it is less similar "
    "to those of randomized networks than these are to one another (the interval of the "
    "difference is below 0), fails the test where it is more, and is undecided where that "
    "interval spans 0. It is undecided, too, with fewer than 6 sites, and where the map is the "
    "same everywhere: the correlation is undefined then. To pass is necessary, not enough: it "
    "does not show that the explanation is right."
)
_SOURCES = (
    "References: Adebayo et al., “Sanity Checks for Saliency Maps”, 2018, "
    "https://arxiv.org/abs/1810.03292. Petsiuk, Das, Saenko, “RISE: Randomized Input Sampling for "
    "Explanation of Black-box Models”, 2018, https://arxiv.org/abs/1806.07421. Sundararajan, "
    "Taly, Yan, “Axiomatic Attribution for Deep Networks”, 2017, "
    "https://arxiv.org/abs/1703.01365. Selvaraju et al., “Grad-CAM: Visual Explanations from "
    "Deep Networks via Gradient-based Localization”, 2017, https://arxiv.org/abs/1610.02391."
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
            sections += [_worth(one, number, figures), _randomized(one, number, figures)]
    checked = [one for one in explained if one.curves]
    if len(checked) > 1:
        sections.append(_over_inputs(checked))
    if checked:
        some = next(iter(checked[0].curves.values()))
        lead = _READING.format(measure=some.measure, orders=some.orders)
        sections.append(Section("How to read the numbers", lead, note=f"{_RANDOMIZED} {_SOURCES}"))
    elif sections:
        sections[-1] = replace(sections[-1], note=f"{sections[-1].note} {_SOURCES}".strip())
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
        caption += " A few of the largest values share the last color."
    picture = Figure(path, f"The {what} {asked.name} and its explanations by {names}.", caption)
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
        "their values; the gray line is the mean of random orders, the band the range of their "
        "middle nine tenths."
    )
    picture = Figure(path, f"Deletion and insertion curves. {told}.", caption)
    lead = "Against random orders: " + _grouped({n: c.verdict for n, c in one.curves.items()})
    lead += " Parameter randomization: "
    lead += _grouped({n: c.verdict for n, c in one.sanity.items()})
    title = f"What these explanations are worth: {short(one.asked.name, 40)}"
    return Section(title, lead, [picture], [_table(one)], wide=True)


def _grouped(verdicts: Mapping[str, str]) -> str:
    """The methods by their verdict, as sentences."""
    groups: dict[str, list[str]] = {}
    for name, verdict in verdicts.items():
        groups.setdefault(verdict, []).append(METHODS[name].title)
    return " ".join(f"{v[0].upper()}{v[1:]}: {', '.join(names)}." for v, names in groups.items())


def _randomized(one: Explained, number: int, figures: Path) -> Section:
    """How the maps change as the network is randomized, with the figures and the verdict below."""
    stages = {name: one.by_stage(name) for name in one.sanity}
    path = draw_stages(figures / f"randomization_{number}.png", stages, one.sanity)
    means = {
        name: [f"{sum(draws) / len(draws):z.2f}" if draws else "undefined" for _, draws in held]
        for name, held in stages.items()
    }
    told = "; ".join(f"{METHODS[name].title}: {', '.join(row)}" for name, row in means.items())
    picture = Figure(
        path,
        f"Similarity after each stage. {told}.",
        "Lines are the means over draws of new weights, dots the single draws, diamonds and bars "
        "the means with their 95 % intervals.",
    )
    checks = one.sanity.values()
    layers = [layer for layer, _ in next(iter(stages.values()))]
    rows = [
        [f"{layer} (all)" if layer == layers[-1] else layer, *values]
        for layer, *values in zip(layers, *means.values(), strict=True)
    ]
    rows.append(["95 % interval (all)", *(_ends(check.interval) for check in checks)])
    two = [check.reference.value for check in checks]
    rows.append(["two randomized", *("undefined" if isnan(v) else f"{v:z.2f}" for v in two)])
    ends = [_ends(check.reference) for check in checks]
    rows.append(["95 % interval (two randomized)", *ends])
    rows.append(["verdict", *(_SHORT.get(check.verdict, check.verdict) for check in checks)])
    table = Table(("Randomized down to", *(METHODS[name].title for name in stages)), rows)
    lead = (
        "Cascading randomization: from the output down, stage by stage, the weights of more "
        "layers are replaced by random ones. A map that shows what was learned soon becomes "
        "another; one that stays the same shows the image or the graph, not the network."
    )
    why = [f"{METHODS[n].title}: {check.reason}." for n, check in one.sanity.items()]
    most = max(check.similarity.shape[1] for check in checks)
    note = f"{most} randomized networks. {' '.join(why)}"
    if any(c.draws > 1 and bool(c.similarity[:-1, 1:].isnan().all()) for c in checks):
        note += " The stages before the last have one draw each, as the input is large."
    fewer = {n: most - c.draws for n, c in one.sanity.items() if not c.flat and c.draws < most}
    if fewer:
        left = ", ".join(f"{METHODS[n].title}: {count}" for n, count in fewer.items())
        note += f" Left out are randomized networks whose map is the same everywhere ({left})."
    title = f"Cascading randomization: {short(one.asked.name, 40)}"
    return Section(title, lead, [picture], [table], note, wide=True)


def _ends(found: Interval) -> str:
    if not isfinite(found.low):
        return "–"
    return f"{found.low:z.2f} to {found.high:z.2f}"


def _over_inputs(checked: Sequence[Explained]) -> Section:
    """Whether each method is better than random orders over all inputs, paired by input."""
    rows = []
    for name in checked[0].curves:
        found = mean_gains([one.curves[name] for one in checked])
        gains = [f"{g.value:z.2f} ({_ends(g)})" for g in (found.deletion, found.insertion)]
        rows.append([METHODS[name].title, *gains, _SHORT.get(found.verdict, found.verdict)])
    head = ("Method", "Deletion: less by", "Insertion: more by", "Against random orders")
    lead = (
        f"The areas under the curves beside the mean of the random orders of the same input, "
        f"averaged over the {len(checked)} inputs, in brackets the 95 % confidence interval "
        "(Student's t over the inputs)."
    )
    return Section("Over all inputs", lead, tables=[Table(head, rows)])


def _table(one: Explained) -> Table:
    rows = []
    for name, found in one.found.items():
        gap = "–" if found.completeness is None else f"{100 * (1 - found.completeness):.1f} %"
        held = one.curves[name]
        cells = [METHODS[name].title, gap]
        for curve in _CURVES:
            low, high = held.random_range(curve)
            between = f"{low:.3f} to {high:.3f}" if isfinite(low) else "range unknown"
            cells.append(f"{held.areas[curve]:.3f} ({between})")
        verdicts = (held.verdict, one.sanity[name].verdict)
        rows.append([*cells, *(_SHORT.get(verdict, verdict) for verdict in verdicts)])
    return Table(_HEAD, rows)
