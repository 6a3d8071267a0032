import math
from dataclasses import replace

import pytest
import torch

import gnnvision as gv
from gnnvision.explain import attribute, mean_gains
from gnnvision.report.attribution_found import ExplainedInput, explain_inputs
from gnnvision.report.attribution_page import attribution_sections
from gnnvision.report.layer_canvas import ImageCanvas
from gnnvision.report.layer_maps import layer_label

SHORT = {
    "better than random": "better",
    "not better than random": "not better",
    "depends on the model": "passed",
    "fails the parameter-randomization test": "failed",
    "undecided": "undecided",
}


@pytest.fixture
def image():
    torch.manual_seed(0)
    shown = torch.randint(0, 256, (3, 12, 12), dtype=torch.uint8)
    model = gv.models.small_resnet(3, 4, 12, stages=1, width=8)
    x = shown[None].float() / 255 - 0.5
    canvas = ImageCanvas(shown)
    given = ExplainedInput(
        "a.png", x, gv.Grid((12, 12)), canvas, "Prediction: “b”.", notes=("Resized.",)
    )
    return model, given


def test_an_image(image, tmp_path):
    model, given = image
    methods = ["grad_cam", "gradient"]
    (one,) = explain_inputs(model, [given], methods, ["a", "b", "c", "d"], "classification")
    direct = attribute(model, given.x, given.domain, "gradient")
    torch.testing.assert_close(one.found["gradient"].values, direct.values)
    assert one.target == "abcd"[int(direct.target)]
    maps, quality, randomized, reading = attribution_sections([one], tmp_path)
    assert maps.title == "Attribution maps: a.png"
    assert maps.lead == f"Prediction: “b”. The maps explain the output “{one.target}”."
    assert [figure.path.stem for figure in maps.figures] == [
        "attribution_1_input", "attribution_1_grad_cam", "attribution_1_gradient",
    ]  # fmt: skip
    assert "Resized." in maps.note
    assert one.found["grad_cam"].layer in maps.figures[1].caption
    assert [row[0] for row in quality.tables[0].rows] == ["Grad-CAM", "Gradient"]
    held = one.curves["gradient"]
    low, high = held.random_range("deletion")
    row = quality.tables[0].rows[1]
    assert row[2] == f"{held.areas['deletion']:.3f} ({low:.3f} to {high:.3f})"
    assert row[-2:] == [SHORT[held.verdict], SHORT[one.sanity["gradient"].verdict]]
    assert [len(table.rows) for table in reading.tables] == [2, 5]
    assert "the faster the class probability falls" in reading.tables[1].rows[1][1]
    assert "20 random orders" in reading.tables[1].rows[2][1]
    assert "below 0.50" in reading.tables[1].rows[3][1]
    (table,) = randomized.tables
    for paper in ("1810.03292", "1806.07421", "1312.6034", "1610.02391"):
        assert f"https://arxiv.org/abs/{paper}" in reading.note
    assert table.head == ("Randomized down to", "Grad-CAM", "Gradient")
    stages = one.by_stage("gradient")
    means = [f"{sum(draws) / len(draws):z.2f}" for _, draws in stages]
    check = one.sanity["gradient"]
    assert [row[2] for row in table.rows] == [
        *means,
        f"{check.interval.low:z.2f} to {check.interval.high:z.2f}",
        f"{check.reference.value:z.2f}",
        f"{check.reference.low:z.2f} to {check.reference.high:z.2f}",
        SHORT[check.verdict],
    ]
    assert check.reason in randomized.note
    assert [row[0] for row in table.rows[: len(stages) - 1]] == [
        layer_label(layer) for layer, _ in stages[:-1]
    ]
    assert f"Gradient: {', '.join(means)}" in randomized.figures[0].alt
    assert all(p.path.is_file() for s in (maps, quality, randomized) for p in s.figures)


def test_a_failed_test_and_a_constant_map_come_first(image, tmp_path):
    model, given = image
    methods = ["gradient", "occlusion"]
    (one,) = explain_inputs(
        model, [given], methods, ["a", "b", "c", "d"], "classification", draws=4
    )
    for name, level in (("gradient", 0.9), ("occlusion", math.nan)):
        one.sanity[name].similarity.fill_(level)
    fresh = {n: replace(one.sanity[n], constant=n == "occlusion") for n in methods}
    quality, randomized = attribution_sections([replace(one, sanity=fresh)], tmp_path)[1:3]
    assert "Parameter-randomization test: Gradient failed; Occlusion undecided." in quality.lead
    assert quality.tables[0].rows[0][-1] == "failed"
    assert randomized.tables[0].rows[-1][1:] == ["failed", "undecided"]
    assert randomized.tables[0].rows[0][2] == "undefined"
    assert "Occlusion: the map is constant" in randomized.note


def test_gains_are_paired_by_input(image, tmp_path):
    model, given = image
    names = ["a", "b", "c", "d"]
    held = explain_inputs(model, [given, given], ["gradient"], names, "classification", draws=3)
    sections = attribution_sections(held, tmp_path)
    (mean,) = [section for section in sections if section.title == "Mean over all inputs"]
    found = mean_gains([one.curves["gradient"] for one in held])
    assert mean.tables[0].rows[0][0] == "Gradient"
    assert mean.tables[0].rows[0][-1] == SHORT[found.verdict]
    assert mean.tables[0].rows[0][1].startswith(f"{found.deletion.value:z.2f} (")
