import pytest
import torch

import gnnvision as gv
from gnnvision.explain import attribute
from gnnvision.report.attribution_found import Asked, explain_inputs
from gnnvision.report.attribution_page import sections_of
from gnnvision.report.layer_canvas import PictureCanvas


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
    assert f"Grad-CAM looks at is {one.found['grad_cam'].layer}." in maps.pictures[0].caption
    assert [row[0] for row in worth.tables[0].rows] == ["Grad-CAM", "Gradient"]
    areas = one.curves["gradient"].areas
    assert (
        worth.tables[0].rows[1][2] == f"{areas['deletion']:.2f} ({areas['random_deletion']:.2f})"
    )
    assert one.sanity["gradient"].verdict in worth.tables[0].rows[1][-1]
    assert "the probability of the class" in reading.lead
    (table,) = forgetting.tables
    assert table.head == ("Drawn anew down to", "Grad-CAM", "Gradient")
    stages = one.by_stage("gradient")
    means = [f"{sum(draws) / len(draws):.2f}" for _, draws in stages]
    assert [row[2] for row in table.rows] == [*means, one.sanity["gradient"].verdict]
    assert [row[0] for row in table.rows[:-2]] == [layer for layer, _ in stages[:-1]]
    assert f"Gradient: {', '.join(means)}" in forgetting.pictures[0].alt
    assert all(p.path.is_file() for s in (maps, worth, forgetting) for p in s.pictures)


def test_worthless_is_said_first(picture, tmp_path):
    model, asked = picture
    (one,) = explain_inputs(model, [asked], ["gradient"], ["a", "b", "c", "d"], "classification")
    one.sanity["gradient"].similarity.fill_(0.8)
    worth = sections_of([one], tmp_path)[1]
    assert "Worthless here" in worth.lead
    assert "Gradient" in worth.lead
    assert worth.tables[0].rows[0][-1] == "worthless (0.80)"
