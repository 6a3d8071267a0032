import base64
import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import gnnvision as gv
from gnnvision.data import Split, Task
from gnnvision.report import write_report
from gnnvision.report.html import _recipe
from gnnvision.report.sections import sections_of

from .conftest import picture_task, trained

PICTURES = {
    "seeds", "curve_loss", "curve_accuracy", "confusion", "projection_input",
    "projection_hidden", "neighborhood_right", "neighborhood_right_received",
}  # fmt: skip


class Pictures(Task):
    """A made-up task on pictures: which channel is bright."""

    def batches(self, part, batch_size=None, generator=None, epoch=0):
        rows = torch.from_numpy(getattr(self.split, part).copy())
        y = rows % 3
        x = torch.zeros(len(rows), 3, 6, 6)
        x[torch.arange(len(rows)), y] = 1.0
        x += 0.5 * torch.rand(x.shape, generator=torch.Generator().manual_seed(len(rows)))
        target = y if self.kind == "classification" else y.float().unsqueeze(1)
        yield x, gv.Grid((6, 6)), target

    def with_seed(self, seed):
        return self

    def to(self, device):
        return self


def pictures(kind, outputs):
    card = replace(
        gv.data.describe("karate"), kind="image", title="Made <up>", facts={}, splits={}
    )
    return Pictures(
        name="made", requested="made", kind=kind, in_channels=3, num_outputs=outputs,
        class_names=("red", "green", "blue")[:outputs], card=card, data_hash="0" * 64,
        split=Split("own", range(30), range(30, 60), range(60, 90)),
    )  # fmt: skip


def network(outputs):
    convolution = gv.Conv2d(3, 4, 3, padding="same")
    return gv.Sequential(convolution, nn.ReLU(), gv.Readout("mean"), nn.Linear(4, outputs))


def test_figures_are_written_each_with_its_numbers(karate_run):
    figures = karate_run[1].parent / "figures"
    drawn = {path.stem for path in figures.glob("*.[ps][nv]g")}
    assert drawn >= PICTURES
    named = {stem.removesuffix("_received") for stem in drawn}
    assert named == {path.stem for path in figures.glob("*.csv")}
    assert not list(figures.glob("*.part*"))


def test_the_page_needs_nothing_but_itself(karate_run):
    page = karate_run[1].read_text(encoding="utf-8")
    sources = re.findall(r'<img[^>]* src="([^"]*)"', page)
    assert len(sources) + page.count('<svg role="img"') >= len(PICTURES)
    for source in sources:
        kind, data = source.split(",", 1)
        start = {"data:image/png;base64": b"\x89PNG", "data:image/webp;base64": b"RIFF"}[kind]
        assert base64.b64decode(data).startswith(start)
    rest = re.sub(r'(src|href)="data:[^"]*"', "", page)
    assert not re.search(r"<(link|iframe|object|embed)\b|<script .|url\((?!#)|@import|src=", rest)
    assert all(re.findall(r'<img[^>]* alt="([^"]+)"', page))


def test_numbers_are_those_of_the_file(karate_run):
    path = karate_run[1]
    page = path.read_text(encoding="utf-8")
    held = json.loads((path.parent / "result.json").read_text(encoding="utf-8"))
    for part in ("train", "val", "test"):
        accuracy, loss = held["metrics"][part]["accuracy"], held["metrics"][part]["loss"]
        assert f"{100 * accuracy['mean']:.1f} ± {100 * accuracy['std']:.1f} %" in page
        assert f"{loss['mean']:.3f} ± {loss['std']:.3f}" in page
    for text in (held["split_hash"][:12], held["data_hash"][:12], held["selection"]):
        assert text in page
    assert f"{held['parameters']:,}" in page
    assert "over 3 seeds" in page
    assert "python run.py --seeds 3" in page
    assert "evaluated once" in page


def test_the_checkpoint_loads_as_the_page_says(karate_run):
    result, path = karate_run
    model = gv.models.gcn(34, 8, 2)
    model.load_state_dict(load_file(path.parent / "checkpoints" / "best.safetensors"))
    x, graph = result.task.x, result.task.graph
    assert torch.equal(model.eval()(x, graph), result.model.eval()(x, graph))


def test_one_seed_stand_in_and_no_published_figure(stdlib_run):
    task = replace(stdlib_run.task, requested="cora")
    stdlib_run.model.train()
    page = write_report(replace(stdlib_run, task=task)).read_text(encoding="utf-8")
    assert all(module.training for module in stdlib_run.model.modules())
    assert not any(module._forward_hooks for module in stdlib_run.model.modules())
    assert page.index("This is not Cora") < page.index("<h1>")
    assert "published for" not in page
    assert "one seed" in page
    assert not (stdlib_run.folder / "figures" / "seeds.svg").exists()


@pytest.mark.parametrize(("kind", "outputs"), [("classification", 3), ("regression", 1)])
def test_tasks_on_pictures_get_the_sections_that_fit(kind, outputs, tmp_path):
    result = trained(pictures(kind, outputs), tmp_path, 1, 3, network(outputs), lr=0.05)
    page = write_report(result).read_text(encoding="utf-8")
    assert "Made &lt;up&gt;" in page
    assert ("RMSE" in page) == (kind == "regression")


def test_a_result_without_a_folder_gets_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = trained(pictures("regression", 1), None, 1, 1, network(1))
    path = write_report(result)
    assert path.parent.parent.resolve() == tmp_path / "runs" / "fit"
    assert {p.name for p in path.parent.iterdir()} == {
        "config.json", "metrics.csv", "result.json", "report.html", "checkpoints", "figures"
    }  # fmt: skip
    assert "gv.Recipe(epochs=1)" in path.read_text(encoding="utf-8")


def test_the_command_is_read_from_the_configuration(tmp_path):
    (tmp_path / "config.json").write_text('{"command": "gcn_cora --seeds 1"}', encoding="utf-8")
    result = trained(pictures("regression", 1), tmp_path, 1, 1, network(1))
    assert "gcn_cora --seeds 1" in write_report(result).read_text(encoding="utf-8")


def test_importing_the_report_stays_light():
    heavy = "matplotlib", "sklearn", "networkx", "jinja2"
    program = f"import sys, gnnvision.report; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_settings_of_several_numbers_are_written_out(pictures_run):
    stages = ((0.375, 0.75), (0.25, 0.8125))
    recipe = replace(
        pictures_run.recipe, progressive_resizing=stages, class_weights=(1.0, 2.5), ema_span=0.0625
    )
    lines = dict(_recipe(replace(pictures_run, recipe=recipe)))
    assert lines["progressive resizing"] == "0.375, 0.75; 0.25, 0.8125"
    assert lines["class weights"] == "1; 2.5"
    assert lines["EMA of the weights, fraction of the training"] == "0.0625"
    assert lines["first block frozen in the last fraction of the epochs"] == "none"


def test_the_page_of_a_run_on_pictures(pictures_run):
    path = write_report(pictures_run)
    page = path.read_text(encoding="utf-8")
    titles = re.findall(r"<h2>([^<]*)</h2>", page)
    # All but the published results, of which there are none, the scan, which found nothing, and
    # the layers that the network names for its feature maps: it names none.
    assert len(titles) == len(set(titles)) == 4 + len(sections_of(pictures_run.task)) - 3
    assert "120 images of 9 × 12 pixels, 3 channels, 3 classes" in page
    assert "<dt>augmentation</dt><dd>crop 1 (reflect)</dd>" in page
    assert "<dt>batch size</dt><dd>16</dd>" in page
    assert "with_augment(gv.data.Augment(crop=1))" in page
    build = "gv.models.build(&#39;mnist_cnn&#39;, in_channels=3, num_classes=3, image_size=[9, 12]"
    assert page.count(build) == 2
    assert "324 pixel values of each image" in page
    figures = path.parent / "figures"
    drawn, csvs = ({p.stem for p in figures.glob(f"*.{kind}")} for kind in ("[ps][nv]g", "csv"))
    assert drawn == csvs
    assert all(re.findall(r'<img[^>]* alt="([^"]+)"', page))


def test_without_a_validation_part_all_sections_say_so(tmp_path):
    model = gv.models.mnist_cnn(3, 3, (9, 12), head="average")
    task = picture_task(val=False)
    result = trained(task, tmp_path, 1, 2, model, lr=1e-3, checkpoint_selection="last")
    page = write_report(result).read_text(encoding="utf-8")
    assert "80 training, 0 validation, 40 test" in page
    assert len(re.findall("[Nn]o validation (?:split|part)", page)) >= 3
    assert "<td>validation</td>" not in page
    assert "<dt>batch size</dt><dd>128 (default)</dd>" in page


@pytest.mark.slow
def test_photographs_do_not_make_the_page_heavy(tmp_path):
    from sklearn.datasets import load_sample_images

    photographs = torch.stack([torch.from_numpy(p.copy()) for p in load_sample_images().images])
    task = picture_task(60, 3, (224, 224), augment=gv.data.Augment(crop=16, brightness=0.3))
    for number in range(60):
        top, left = 3 * number, 6 * number
        cut = photographs[number % 2, top : top + 224, left : left + 224]
        task.images[number] = cut.permute(2, 0, 1)
    model = gv.Sequential(
        gv.Conv2d(3, 48, 7, stride=4), nn.ReLU(), gv.Readout("mean"), nn.Linear(48, 3)
    )
    path = write_report(trained(task, tmp_path, 1, 1, model))
    assert path.stat().st_size < 3e6
    assert "3,072 pixel values at 32 × 32 pixels" in path.read_text(encoding="utf-8")
