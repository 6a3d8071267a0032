"""Rows of the lecture notes, each by its command, at a tiny size, with the facts of the notes."""

import csv
import json
import re
import subprocess
import sys

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training import evaluate

from ..cli.checkpoints import picture
from .conftest import folder, one_line_error
from .test_pictures import photographs

DIGITS = ("--dataset", "digits", "--epochs", "1")
COLOR = ("--image-size", "16", "--epochs", "1", "--batch-size", "8")


@pytest.fixture
def photos(tmp_path):
    """A folder with sixteen red and sixteen blue images."""
    return photographs(tmp_path / "photos", 16, 24)


@pytest.fixture
def no_report(monkeypatch):
    """Runs whose own page is not looked at do not draw it, which takes most of the time."""
    monkeypatch.setattr(gv.Result, "report", lambda self, *_: self.folder / "report.html")


@pytest.fixture
def command(tmp_path):
    """The command `gnnvision` in a new process; what it prints."""

    def start(*words):
        return subprocess.run(
            [sys.executable, "-m", "gnnvision", *map(str, words)],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    return start


def runs(tmp_path, name):
    return sorted((tmp_path / "runs" / name).iterdir())


def result_of(run):
    return json.loads((run / "result.json").read_text())


@pytest.mark.parametrize(
    ("channels", "size", "hidden", "dropout", "count"),
    [(1, 28, 512, [0.2, 0.2], 360_458), (3, 32, 1024, [0.5, 0.2], 1_284_170)],
)
def test_b2_strided_networks_of_the_notes(channels, size, hidden, dropout, count):
    network = gv.models.strided_cnn(channels, 10, size)
    layers = list(network.modules())
    assert [m.out_features for m in layers if isinstance(m, nn.Linear)] == [hidden, 10]
    found = [m for m in layers if isinstance(m, gv.Dropout)]
    assert [m.p for m in found] == dropout
    assert sum(p.numel() for p in network.parameters()) == count
    x = torch.rand(4, channels, size, size)
    evaluated = network.eval()(x)
    assert torch.equal(evaluated, network(x))  # the notes leave dropout on
    assert not torch.allclose(evaluated, network.train()(x))


def test_b2_the_script_builds_the_color_form(inside, tmp_path, photos, no_report):
    done = inside("cnn_cifar", "--dataset", photos, "--model", "strided_cnn", *COLOR)
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path, "cnn_cifar")
    network = gv.load_run(run).model
    assert [m.out_features for m in network.modules() if isinstance(m, nn.Linear)] == [1024, 2]


def test_b6_average_pooling_beside_dense_layers(inside, tmp_path, photos, no_report):
    counts = [gv.models.vgg_like(head=head) for head in ("dense", "average")]
    counts = [sum(p.numel() for p in network.parameters()) for network in counts]
    assert counts == [2_396_330, 289_194]
    flags = ("--dataset", photos, "--model", "vgg_like", "--compare", "head", *COLOR)
    done = inside("cnn_cifar", *flags)
    assert done.returncode == 0, done.stderr
    dense, average = runs(tmp_path, "cnn_cifar")
    sizes = [result_of(run)["parameters"] for run in (dense, average)]
    assert sizes[0] > sizes[1]
    (both,) = runs(tmp_path, "compare")
    page = (both / "report.html").read_text()
    for text in (f"{sizes[0]:,}", f"{sizes[1]:,}", "--head dense", "--head average"):
        assert text in page
        assert text in done.stdout
    with (both / "figures" / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2


def test_b8_the_network_to_explain_shows_its_three_layers(inside, tmp_path, photos):
    flags = ("--dataset", photos, "--model", "xai_net", "--image-size", "18", "--epochs", "1")
    done = inside("cnn_cifar", *flags)
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path, "cnn_cifar")
    assert "Feature maps of layers 0, 20, 40" in (run / "report.html").read_text()
    for layer, channels in ((0, 64), (20, 256), (40, 512)):
        assert gv.load_run(run).model.features[layer].out_channels == channels
        assert list((run / "figures").glob(f"feature_maps_features_{layer}.*g"))
    done = inside("feature_maps", run, photos / "red" / "00.png")
    assert done.returncode == 0, done.stderr
    page = (folder(done, tmp_path) / "report.html").read_text()
    for layer in ("features.0", "features.20", "features.40"):
        assert layer in page


def test_c1_both_networks_measured_while_they_train_on_one_page(inside, tmp_path):
    done = inside("cnn_fashion", *DIGITS[:2], "--epochs", "2", "--evaluate-every", "10")
    assert done.returncode == 0, done.stderr
    assert "Fashion-MNIST DNN, 50,826 parameters" in done.stdout
    assert re.search(r"iteration 20: training loss [\d.]+, test loss .*accuracy", done.stderr)
    (both,) = runs(tmp_path, "compare")
    page = (both / "report.html").read_text()
    assert "DNN and CNN on Handwritten digits" in page
    assert "only drawn: no epoch, seed or setting was selected by it" in page
    for run in runs(tmp_path, "cnn_fashion"):
        with (run / "steps.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["step"] for row in rows] == ["10", "20", "30"]
        assert {"train_loss", "test_loss", "test_accuracy"} <= set(rows[0])
        assert "A random sample of 20 of the" in (run / "report.html").read_text()


def test_c1_the_defaults_are_those_of_the_notes(inside, monkeypatch):
    asked = []

    def instead(model, task, recipe, *rest, **options):
        asked.append(recipe)
        raise ValueError("nothing is trained")

    monkeypatch.setattr(gv, "fit", instead)
    inside("cnn_fashion", "--dataset", "digits", "--model", "cnn")
    inside("cnn_fashion", *DIGITS[:2], "--image-size", "28", "--model", "strided")
    cnn, strided = asked
    assert (cnn.epochs, cnn.batch_size, cnn.evaluate_every) == (5, 100, 500)
    assert (strided.epochs, strided.evaluate_every) == (15, "epoch")


def test_c2_train_and_test_loss_of_each_epoch_on_the_default_split(inside, tmp_path):
    flags = ("--dataset", "digits", "--image-size", "28", "--model", "strided", "--epochs", "2")
    done = inside("cnn_fashion", *flags)
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path, "cnn_fashion")
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert all(float(row[f"{part}_loss"]) > 0 for row in rows for part in ("train", "test"))
    metrics = result_of(run)["metrics"]
    last = float(rows[-1]["test_accuracy"])
    assert metrics["test"]["accuracy"]["mean"] == pytest.approx(last)
    assert "accuracy" in metrics["train"]
    assert "test (only drawn)" in (run / "figures" / "curve_loss.svg").read_text()


def test_c3_with_and_without_augmentation_and_never_on_the_test_split(
    inside, tmp_path, photos, monkeypatch, no_report
):
    augmented = []
    call = gv.data.Augment.__call__

    def counted(self, images, *rest, **options):
        augmented.append((str(self), len(images)))
        return call(self, images, *rest, **options)

    monkeypatch.setattr(gv.data.Augment, "__call__", counted)
    flags = ("--dataset", photos, "--model", "small_resnet", *COLOR, "--compare", "augment")
    more = ("--crop", "4", "--padding-mode", "zeros", "--flip", "random", "--shift", "0.1",
            "--rotation", "15", "--brightness", "0.2", "--hue", "0.2")  # fmt: skip
    done = inside("cnn_cifar", *flags, *more)
    assert done.returncode == 0, done.stderr
    on, off = runs(tmp_path, "cnn_cifar")
    settings = "crop 4 (zeros), rotation 15°, shift 0.1, flip random, brightness 0.2, hue 0.2"
    assert {said for said, _ in augmented} == {settings}
    train = result_of(on)["split_sizes"]["train"]
    assert sum(count for _, count in augmented) == train  # one epoch, in one run
    (both,) = runs(tmp_path, "compare")
    page = (both / "report.html").read_text()
    assert "--no-augment" in page
    assert settings in page
    run = gv.load_run(off)
    task = gv.data.load(photos, image_size=16)
    assert evaluate(on, task)["accuracy"] == result_of(on)["metrics"]["test"]["accuracy"]["mean"]
    assert run.task.augment is None


@pytest.mark.parametrize("model", ["vgg_like", "cifar_cnn"])
def test_c3_batch_norm_by_flag(inside, tmp_path, photos, model, no_report):
    flags = ("--dataset", photos, "--model", model, *COLOR, "--compare", "batch-norm")
    done = inside("cnn_cifar", *flags)
    assert done.returncode == 0, done.stderr
    with_it, without = (gv.load_run(run).model for run in runs(tmp_path, "cnn_cifar"))
    assert any(isinstance(m, nn.BatchNorm2d) for m in with_it.modules())
    assert not any(isinstance(m, nn.BatchNorm2d) for m in without.modules())


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (("--head", "average"), "'--head' must be left out with whitened_cnn, which lacks it"),
        (("--no-augment", "--hue", "0.1"), "'--hue' must be left out with --no-augment"),
        (("--hue", "0.6"), "'--hue' must be from 0 to 0.5"),
        (("--ratio", "1"), "'--ratio' must be a pair"),
        (("--compare", "crap"), "'--compare' must name a flag of this script, got 'crap'"),
        (("--compare", "hue"), "'--compare' must have another value of --hue"),
        (("--evaluate-every", "0"), "'--evaluate-every' must be at least 1"),
    ],
)
def test_flags_that_cannot_be(inside, flags, part):
    one_line_error(inside("cnn_cifar", *DIGITS, *flags), part)


def test_c6_a_new_process_gives_the_identical_accuracy(inside, tmp_path, command, no_report):
    done = inside("cnn_mnist", *DIGITS, "--model", "mnist_cnn")
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path, "cnn_mnist")
    saved = result_of(run)["metrics"]["test"]["accuracy"]["mean"]
    done = command("evaluate", run)
    assert done.returncode == 0, done.stderr
    assert f"({saved!r}), as saved by the run" in done.stdout
    assert "the run saved" not in done.stdout
    assert "validation split, 180 items" in command("evaluate", run, "--split", "val").stdout


def test_c6_the_lines_of_the_page_give_the_same(inside, tmp_path, photos):
    """The lines that load and predict, and those that evaluate: with the run's normalization."""
    import html

    done = inside("cnn_cifar", "--dataset", photos, "--model", "small_resnet", *COLOR)
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path, "cnn_cifar")
    page = html.unescape((run / "report.html").read_text())
    blocks = re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    blocks = [re.sub(r"<[^>]+>", "", block) for block in blocks]
    picture(tmp_path / "photo.jpg", size=(24, 24))
    printed = []
    for wanted in ("metrics = evaluate(", "run.predict("):
        (lines,) = (block for block in blocks if wanted in block)
        done = subprocess.run(
            [sys.executable, "-c", lines], cwd=tmp_path, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    saved = result_of(run)["metrics"]["test"]["accuracy"]["mean"]
    assert float(printed[0].split()[-1]) == saved
    assert re.search("red|blue", printed[1])


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "vgg16", "inception_v3"])
def test_c7_a_network_of_torchvision_is_drawn_by_its_blocks(name):
    from gnnvision.report.boxes import steps_of

    side = 299 if name == "inception_v3" else 224
    network = gv.models.build(name, num_classes=10, image_size=side)
    steps = steps_of(gv.summary(network, gv.Grid((side, side)), channels=3))
    assert 8 < len(steps) < 20
    assert steps[0].shape == (3, side, side)
    assert steps[-1].shape == (10,)
    assert len({step.shape for step in steps}) > 5
    total = sum(parameter.numel() for parameter in network.parameters())
    assert sum(step.parameters for step in steps) == total


def test_c8_a_sheet_of_one_photograph(inside, tmp_path):
    picture(tmp_path / "a.png", size=(90, 80))
    flags = ("a.png", "--resized-crop", "0.1", "1", "--ratio", "0.5", "2", "--flip", "random")
    done = inside("augmentations", *flags, "--size", "40", "40")
    assert done.returncode == 0, done.stderr
    run = folder(done, tmp_path)
    page = (run / "report.html").read_text()
    assert "resized crop of 0.1-1 of the area to 40x40, flip random" in page
    with (run / "figures" / "samples.csv").open() as file:
        means = [row["mean_pixel"] for row in csv.DictReader(file)]
    assert len(means) == 8  # 2 x 4
    assert len(set(means)) > 4
    plain = inside("augmentations", "a.png", "--out", "plain")  # the augmentation of the notes
    (sheet,) = (tmp_path / "plain" / "augmentations").iterdir()
    assert plain.returncode == 0, plain.stderr
    assert "resized crop of 0.1-1 of the area, flip random" in (sheet / "report.html").read_text()
    again = inside("augmentations", *flags, "--size", "40", "40", "--seed", "1", "--rows", "1",
                   "--columns", "3", "--out", "elsewhere")  # fmt: skip
    assert again.returncode == 0, again.stderr
    (other,) = (tmp_path / "elsewhere" / "augmentations").iterdir()
    with (other / "figures" / "samples.csv").open() as file:
        found = [row["mean_pixel"] for row in csv.DictReader(file)]
    assert len(found) == 3
    assert found != means[:3]
    done = inside("augmentations", *flags, "--rows", "0")
    one_line_error(done, "'rows' must be at least 1" if "'rows'" in done.stderr else "'--rows'")


def test_c8_each_flag_is_a_setting_of_the_augmentation(inside):
    from dataclasses import fields

    from gnnvision import cli
    from gnnvision.cli.flags import described, flags_of

    settings = {field.name for field in fields(gv.data.Augment)}
    assert {field.name for field in fields(cli.AugmentOptions)} == settings
    texts = described(gv.data.Augment.__doc__)
    for flag in flags_of(cli.AugmentOptions):
        assert flag.text == texts[flag.name]


@pytest.fixture
def pretrained(tmp_path):
    """A network that was trained on digits made colored."""
    task = gv.data.load("digits", image_size=12, channels=3)
    network = gv.models.small_resnet(3, 10, 12)
    recipe = gv.Recipe(epochs=1, lr=0.01)
    gv.fit(network, task, recipe, folder=tmp_path / "pretrained", progress=False)
    return tmp_path / "pretrained"


def test_d1_every_epoch_is_kept_and_validation_chooses(
    inside, tmp_path, pretrained, command, monkeypatch
):
    photographs(tmp_path / "photos" / "train", 20)
    photographs(tmp_path / "photos" / "test", 8)
    flags = ("--weights", pretrained, "--dataset", "photos", "--strategy", "last", "--epochs", "2")
    more = ("--seeds", "1", "--split", "public", "--evaluate-every", "epoch", "--keep-epochs")
    done = inside("transfer_cats_dogs", *flags, *more)
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path, "transfer_cats_dogs")
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    files = sorted((run / "checkpoints" / "epochs").iterdir())
    assert len(files) == len(rows) > 2
    result = result_of(run)
    assert "validation accuracy" in result["selection"]
    assert result["split_sizes"]["val"] > 0
    page = (run / "report.html").read_text()
    assert "The test curve is only drawn" in page
    # Each file has the network of its epoch: its test accuracy is the point of the curve.
    task = gv.load_run(run).task
    for file, row in list(zip(files, rows, strict=True))[:: len(files) // 3]:
        assert evaluate(file, task)["accuracy"] == pytest.approx(float(row["test_accuracy"]))
        assert evaluate(file, task)["loss"] == pytest.approx(float(row["test_loss"]), rel=1e-4)
    done = command("evaluate", files[-1])
    assert f"epoch {len(files)}: test split, 16 items" in done.stdout, done.stderr


def test_d1_offline_the_message_names_file_and_folders(inside, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "root").mkdir()
    flags = ("--backbone", "resnet18", "--data-root", tmp_path / "root")
    done = inside("transfer_cats_dogs", *flags)
    one_line_error(
        done, "put the file resnet18-f37072fd.pth into", str(tmp_path / "torch"),
        str(tmp_path / "root" / "weights"),
    )  # fmt: skip


def test_d1_weights_in_the_data_root_are_found(tmp_path):
    place = tmp_path / "root" / "weights"
    place.mkdir(parents=True)
    network = gv.models.build("resnet18")
    torch.save(network.network.state_dict(), place / "resnet18-f37072fd.pth")
    found = gv.transfer.image_backbone("resnet18", None, tmp_path, root=tmp_path / "root")
    for name, value in network.network.state_dict().items():
        assert torch.equal(value, found.network.network.state_dict()[name])


def test_runs_are_compared_afterwards(inside, tmp_path, command, no_report):
    for model in ("dnn", "cnn"):
        assert inside("cnn_fashion", *DIGITS, "--model", model).returncode == 0
    done = command("compare", *runs(tmp_path, "cnn_fashion"))
    assert done.returncode == 0, done.stderr
    assert "Fashion-MNIST DNN" in done.stdout
    (both,) = runs(tmp_path, "compare")
    assert "Fashion-MNIST DNN and Fashion-MNIST CNN" in (both / "report.html").read_text()
    done = command("compare", runs(tmp_path, "cnn_fashion")[0])
    assert done.returncode == 2
    assert "'RUN' must be 2 to 10 runs, got 1" in done.stderr or "'runs' must be" in done.stderr


def test_the_command_compares_too(tmp_path, command):
    done = command("train", "karate", "--seeds", "1", "--epochs", "2", "--compare", "lr",
                   "--lr", "0.1")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "--lr 0.1" in done.stdout
    assert "without --lr" in done.stdout
    assert len(runs(tmp_path, "train")) == 2
    assert len(runs(tmp_path, "compare")) == 1


def test_a_script_without_a_result_refuses_before_it_trains(inside):
    flags = ("--dataset", "bioactivity", "--epochs", "2", "--compare", "epochs")
    one_line_error(inside("transfer_molecules", *flags), "'--compare' must be left out of this")


def test_both_networks_for_each_value_of_a_flag(inside, tmp_path, no_report):
    flags = ("--epochs", "2", "--compare", "epochs", "--evaluate-every", "99")
    done = inside("cnn_fashion", *DIGITS[:2], *flags)
    assert done.returncode == 0, done.stderr
    for name in ("--epochs 2 DNN", "--epochs 2 CNN", "without --epochs DNN"):
        assert name in done.stdout
