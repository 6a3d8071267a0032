import math
from dataclasses import replace

import pytest
import torch

import gnnvision as gv
from gnnvision.explain import attribute, mean_gains
from gnnvision.report.attribution_found import Asked, explain_inputs
from gnnvision.report.attribution_page import sections_of
from gnnvision.report.layer_canvas import PictureCanvas

SHORT = {
    "better than random": "better",
    "not better than random": "not better",
    "depends on the model": "depends",
    "fails the parameter-randomization test": "fails the test",
    "undecided": "undecided",
}


@pytest.fixture
def picture():
    torch.manual_seed(0)
    shown = torch.randint(0, 256, (3, 12, 12), dtype=torch.uint8)
    model = gv.models.small_resnet(3, 4, 12, stages=1, width=8)
    x = shown[None].float() / 255 - 0.5
    canvas = PictureCanvas(shown)
    asked = Asked("a.png", x, gv.Grid((12, 12)), canvas, "It says: “b”.", notes=("Resized.",))
    return model, asked


def test_a_picture_and_what_its_explanations_are_worth(picture, tmp_path):
    model, asked = picture
    methods = ["grad_cam", "gradient"]
    (one,) = explain_inputs(model, [asked], methods, ["a", "b", "c", "d"], "classification")
    direct = attribute(model, asked.x, asked.domain, "gradient")
    torch.testing.assert_close(one.found["gradient"].values, direct.values)
    assert one.target == "abcd"[int(direct.target)]
    maps, worth, forgetting, reading = sections_of([one], tmp_path)
    assert maps.lead == f"It says: “b”. Explained is the output for “{one.target}”."
    assert "Resized." in maps.note
    assert f"Grad-CAM looks at is {one.found['grad_cam'].layer}." in maps.figures[0].caption
    assert [row[0] for row in worth.tables[0].rows] == ["Grad-CAM", "Gradient"]
    held = one.curves["gradient"]
    low, high = held.random_range("deletion")
    row = worth.tables[0].rows[1]
    assert row[2] == f"{held.areas['deletion']:.3f} ({low:.3f} to {high:.3f})"
    assert row[-2:] == [SHORT[held.verdict], SHORT[one.sanity["gradient"].verdict]]
    assert "class probability" in reading.lead
    (table,) = forgetting.tables
    for paper in ("1810.03292", "1806.07421", "1703.01365", "1610.02391"):
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
    assert f"Gradient: {check.reason}." in forgetting.note
    assert [row[0] for row in table.rows[: len(stages) - 1]] == [layer for layer, _ in stages[:-1]]
    assert f"Gradient: {', '.join(means)}" in forgetting.figures[0].alt
    assert all(p.path.is_file() for s in (maps, worth, forgetting) for p in s.figures)


def test_a_failed_test_and_a_constant_map_are_said_first(picture, tmp_path):
    model, asked = picture
    methods = ["gradient", "occlusion"]
    (one,) = explain_inputs(
        model, [asked], methods, ["a", "b", "c", "d"], "classification", draws=4
    )
    for name, level in (("gradient", 0.9), ("occlusion", math.nan)):
        one.sanity[name].similarity.fill_(level)
    fresh = {n: replace(one.sanity[n], flat=n == "occlusion") for n in methods}
    worth, randomize_weights = sections_of([replace(one, sanity=fresh)], tmp_path)[1:3]
    assert "Fails the parameter-randomization test: Gradient. Undecided: Occlusion." in worth.lead
    assert worth.tables[0].rows[0][-1] == "fails the test"
    assert randomize_weights.tables[0].rows[-1][1:] == ["fails the test", "undecided"]
    assert randomize_weights.tables[0].rows[0][2] == "undefined"
    assert "Occlusion: the map is constant" in randomize_weights.note


def test_over_several_inputs_the_differences_are_paired(picture, tmp_path):
    model, asked = picture
    names = ["a", "b", "c", "d"]
    held = explain_inputs(model, [asked, asked], ["gradient"], names, "classification", draws=3)
    sections = sections_of(held, tmp_path)
    (over,) = [section for section in sections if section.title == "Over all inputs"]
    found = mean_gains([one.curves["gradient"] for one in held])
    assert over.tables[0].rows[0][0] == "Gradient"
    assert over.tables[0].rows[0][-1] == SHORT[found.verdict]
    assert over.tables[0].rows[0][1].startswith(f"{found.deletion.value:z.2f} (")
