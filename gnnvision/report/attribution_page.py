"""The sections of a page of attributions: the maps, their faithfulness, and how to read both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Literal

from gnnvision.explain import HALF_SHARED, METHODS, QUARTER_SHARED, Interval, mean_gains
from gnnvision.report.attribution_draw import (
    FOR_CLASSES,
    FOR_REGRESSION,
    AttributionMaps,
    draw_attribution,
    draw_curves,
    draw_input,
    input_layer,
)
from gnnvision.report.attribution_found import Explanations
from gnnvision.report.attribution_stages import NARROW, draw_stages
from gnnvision.report.layer_maps import layer_label
from gnnvision.report.molecules_draw import shorten_smiles
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.words import sentence

__all__ = ["attribution_sections"]

_CURVES: tuple[Literal["deletion", "insertion"], ...] = ("deletion", "insertion")
_HEAD = (
    "Method",
    "Completeness",
    "Deletion area (random range)",
    "Insertion area (random range)",
    "Against random",
    "Randomization test",
)
_SHORT = {  # for the cells of a table
    "better than random": "better",
    "not better than random": "not better",
    "depends on the model": "passed",
    "fails the parameter-randomization test": "failed",
}
_METHODS = {
    "gradient": "The largest absolute gradient of the output over the channels (saliency): how "
    "sensitive the output is to a small change there (Simonyan et al., 2014).",
    "input_gradient": "The gradient times the input: the contribution to the output, to first "
    "order (Shrikumar et al., 2016).",
    "integrated_gradients": "The gradient averaged on a straight path from an all-zero baseline "
    "to the input, times the input: contributions that add up to the change of the output "
    "(Sundararajan et al., 2017).",
    "grad_cam": "A class activation map: the feature maps of one layer, weighted by the mean "
    "gradient of the output, with negative sums set to 0 (Selvaraju et al., 2017).",
    "guided_gradient": "The gradient with negative values set to 0 at every ReLU. It shows edges "
    "in fine detail, but often fails the randomization test (Springenberg et al., 2015).",
    "guided_grad_cam": "Guided gradient times Grad-CAM (Selvaraju et al., 2017).",
    "occlusion": "The drop of the output when a patch or a node is masked (Zeiler and Fergus, "
    "2014).",
}
_MEASURES = {
    "Completeness": "The attributions of integrated gradients add up to the difference between "
    "the outputs for the input and for the baseline. 100 % is exact; the rest is the error of the "
    "numerical integration.",
    "Deletion, insertion": "Deletion masks the sites with the largest attribution first: the "
    "faster the {measure} falls, the smaller the area under the curve, the better. Insertion "
    "starts from a fully masked input and restores the sites in the same order: a large area is "
    "good. An image is masked with a blurred copy, a node by setting its features to 0 "
    "(Petsiuk et al., 2018).",
    "Random baseline": "The same curves for {orders} random orders of the sites, with the range "
    "from the 5th to the 95th percentile. Better: both areas are outside this range on the good "
    "side. Not better: one area is significantly worse than the mean of the random orders.",
    "Parameter-randomization test": "A map that explains what the network has learned must change "
    "when the weights are replaced by random ones. The similarity is Spearman's rank correlation "
    "of absolute values, a mean over randomized networks. The map passes below {low:.2f} (less "
    "than a quarter of the variance of the ranks is shared), fails above {high:.2f} (more than a "
    "half), and is compared in between with the similarity of two randomized networks. Passing is "
    "necessary but not sufficient for a faithful map (Adebayo et al., 2018).",
    "Intervals": "95 % confidence intervals: Student's t for means, the jackknife for the "
    "similarity of two randomized networks. A result is undecided if its interval contains the "
    "limit, if the map is constant, or if there are fewer than 6 sites.",
}
_REFERENCES = {
    "gradient": "Simonyan, Vedaldi, Zisserman, 2014, https://arxiv.org/abs/1312.6034",
    "input_gradient": "Shrikumar et al., 2016, https://arxiv.org/abs/1605.01713",
    "integrated_gradients": "Sundararajan, Taly, Yan, 2017, https://arxiv.org/abs/1703.01365",
    "grad_cam": "Selvaraju et al., 2017, https://arxiv.org/abs/1610.02391",
    "guided_gradient": "Springenberg et al., 2015, https://arxiv.org/abs/1412.6806",
    "guided_grad_cam": "Selvaraju et al., 2017, https://arxiv.org/abs/1610.02391",
    "occlusion": "Zeiler, Fergus, 2014, https://arxiv.org/abs/1311.2901",
}
_OF_MEASURES = (
    "Petsiuk, Das, Saenko, 2018, https://arxiv.org/abs/1806.07421",
    "Adebayo et al., 2018, https://arxiv.org/abs/1810.03292",
)


def attribution_sections(explained: Sequence[Explanations], figures: Path) -> list[Section]:
    """The sections of all inputs; their figures are drawn into a folder.

    Args:
        explained: the attributions of each input.
        figures: a folder that exists.
    """
    sections = []
    for number, one in enumerate(explained, 1):
        sections.append(_maps_section(one, number, figures))
        if one.curves:
            sections += [
                _faithfulness_section(one, number, figures),
                _cascade_section(one, number, figures),
            ]
    checked = [one for one in explained if one.curves]
    if len(checked) > 1:
        sections.append(_mean_section(checked))
    return [*sections, _reading_section(explained[0], checked)] if explained else []


def _maps_section(one: Explanations, number: int, figures: Path) -> Section:
    given, what = one.input, one.input.canvas.what
    signs = FOR_REGRESSION if one.kind == "regression" else FOR_CLASSES
    maps = AttributionMaps(given.canvas, input_layer(given.x, given.domain), one.found, signs)
    path = figures / f"attribution_{number}_input.png"
    drawn = [Figure(draw_input(path, given.canvas), f"The {what} {given.name}.")]
    for name, found in one.found.items():
        path = figures / f"attribution_{number}_{name}.png"
        alt = f"{METHODS[name].title} of {given.name}."
        caption = "" if found.layer is None else f"Activations of {layer_label(found.layer)}."
        drawn.append(Figure(draw_attribution(path, maps, name), alt, caption))
    lead = f"{given.prediction} The maps explain the output “{one.target}”."
    notes = [sentence(note) for note in given.notes]
    notes.append("Each map has its own color scale.")
    if what == "image":
        notes.append("The largest 0.5 % of the values share the last color.")
    for name, found in one.found.items():
        notes += [f"{METHODS[name].title}: {note}" for note in found.notes]
    return Section(f"Attribution maps: {given.name}", lead, drawn, note=" ".join(notes))


def _faithfulness_section(one: Explanations, number: int, figures: Path) -> Section:
    drawn = []
    for kind in _CURVES:
        path = figures / f"curves_{number}_{kind}.svg"
        draw_curves(path, one.curves, kind, one.input.canvas.sites)
        areas = (f"{METHODS[n].title} {held.areas[kind]:.2f}" for n, held in one.curves.items())
        alt = f"{kind.capitalize()} curves; areas under them: {', '.join(areas)}."
        drawn.append(Figure(path, alt, "Gray: mean and 5 % to 95 % range of the random baseline."))
    against = _grouped({n: c.verdict for n, c in one.curves.items()})
    test = _grouped({n: _SHORT.get(c.verdict, c.verdict) for n, c in one.sanity.items()})
    lead = f"Deletion and insertion: {against}. Parameter-randomization test: {test}."
    title = f"Faithfulness: {shorten_smiles(one.input.name, 40)}"
    return Section(title, lead, drawn, [_table(one)], wide=True)


def _grouped(verdicts: Mapping[str, str], mark: str = "") -> str:
    """The methods by their verdict: "Occlusion passed; Grad-CAM, Gradient undecided"."""
    groups: dict[str, list[str]] = {}
    for name, verdict in verdicts.items():
        groups.setdefault(verdict, []).append(METHODS[name].title)
    return "; ".join(f"{', '.join(names)}{mark} {v}" for v, names in groups.items())


def _cascade_section(one: Explanations, number: int, figures: Path) -> Section:
    """The parameter-randomization test: similarity after each stage, and the verdicts."""
    stages = {name: one.by_stage(name) for name in one.sanity}
    path = draw_stages(figures / f"randomization_{number}.svg", stages, one.sanity)
    means = {
        name: [_written(sum(draws) / len(draws)) if draws else "undefined" for _, draws in held]
        for name, held in stages.items()
    }
    listed = "; ".join(f"{METHODS[name].title}: {', '.join(row)}" for name, row in means.items())
    figure = Figure(
        path,
        f"Similarity after each stage. {listed}.",
        "Lines: means over randomized networks; dots: single networks; diamonds: means with 95 % "
        "confidence intervals.",
    )
    checks = one.sanity.values()
    layers = [layer for layer, _ in next(iter(stages.values()))]
    rows = [
        [layer_label(layer) + " (all)" * (layer == layers[-1]), *values]
        for layer, *values in zip(layers, *means.values(), strict=True)
    ]
    rows.append(["95 % interval (all)", *(_ends(check.interval) for check in checks)])
    rows.append(["two random networks", *(_written(c.reference.value) for c in checks)])
    rows.append(["95 % interval (two)", *(_ends(check.reference) for check in checks)])
    rows.append(["result", *(_SHORT.get(check.verdict, check.verdict) for check in checks)])
    table = Table(("Randomized down to", *(METHODS[name].title for name in stages)), rows)
    lead = (
        "Cascading randomization: from the output down, layer by layer, the weights are replaced "
        "by random ones. A map that shows what was learned changes; one that stays the same shows "
        "the input, not the network."
    )
    most = max(check.similarity.shape[1] for check in checks)
    reasons = _grouped({name: check.reason for name, check in one.sanity.items()}, ":")
    note = f"{most} randomized networks. {reasons}."
    if any(c.draws > 1 and bool(c.similarity[:-1, 1:].isnan().all()) for c in checks):
        note += " As the input is large, only one network is evaluated before the last stage."
    fewer = {n: most - c.draws for n, c in one.sanity.items() if not c.constant and c.draws < most}
    if fewer:
        left = ", ".join(f"{METHODS[n].title}: {count}" for n, count in fewer.items())
        note += f" Randomized networks with a constant map are left out ({left})."
    title = f"Parameter-randomization test: {shorten_smiles(one.input.name, 40)}"
    return Section(title, lead, [figure], [table], note, wide=len(stages) > NARROW)


def _written(value: float) -> str:
    return f"{value:z.2f}" if isfinite(value) else "undefined"


def _ends(found: Interval) -> str:
    return f"{found.low:z.2f} to {found.high:z.2f}" if isfinite(found.low) else "–"


def _mean_section(checked: Sequence[Explanations]) -> Section:
    """The mean gain of each method over the random baseline, paired by input."""
    rows = []
    for name in checked[0].curves:
        found = mean_gains([one.curves[name] for one in checked])
        gains = [f"{_written(g.value)} ({_ends(g)})" for g in (found.deletion, found.insertion)]
        rows.append([METHODS[name].title, *gains, _SHORT.get(found.verdict, found.verdict)])
    head = ("Method", "Deletion: area gained", "Insertion: area gained", "Against random")
    lead = (
        "By how much the areas under the curves are better than the mean of the random orders of "
        f"the same input: means over the {len(checked)} inputs with 95 % confidence intervals."
    )
    return Section("Mean over all inputs", lead, tables=[Table(head, rows)])


def _table(one: Explanations) -> Table:
    rows = []
    for name, found in one.found.items():
        gap = "–" if found.completeness is None else f"{100 * (1 - found.completeness):.1f} %"
        held = one.curves[name]
        cells = [METHODS[name].title, gap]
        for curve in _CURVES:
            low, high = held.random_range(curve)
            between = f"{low:z.3f} to {high:z.3f}" if isfinite(low) else "range unknown"
            cells.append(f"{held.areas[curve]:z.3f} ({between})")
        verdicts = (held.verdict, one.sanity[name].verdict)
        rows.append([*cells, *(_SHORT.get(verdict, verdict) for verdict in verdicts)])
    return Table(_HEAD, rows)


def _reading_section(first: Explanations, checked: Sequence[Explanations]) -> Section:
    """What the methods compute and, if quality was measured, what the measures mean."""
    rows = [(METHODS[name].title, _METHODS[name]) for name in first.found]
    tables = [Table(("Method", "What it computes"), rows, 2)]
    sources = [_REFERENCES[name] for name in first.found]
    if checked:
        some = next(iter(checked[0].curves.values()))
        values = {"measure": some.measure, "orders": some.orders}
        values |= {"low": QUARTER_SHARED, "high": HALF_SHARED}
        rows = [(name, text.format(**values)) for name, text in _MEASURES.items()]
        tables.append(Table(("Measure", "How to read it"), rows, 2))
        sources += _OF_MEASURES
    lead = "What the attribution methods compute, and how their quality is measured."
    note = f"References: {'; '.join(dict.fromkeys(sources))}."
    return Section("How to read these results", lead, tables=tables, note=note)
