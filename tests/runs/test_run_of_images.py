"""A checkpoint in a new process: the same network, the same answers, clear refusals."""

import json
import subprocess
import sys

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training import Recipe, find_checkpoint, fit
from gnnvision.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

EVALUATE = """
import json, sys
import torch
import gnnvision as gv
torch.set_num_threads(1)
run_again = gv.load_run(sys.argv[1])
task = gv.data.load("digits")
chosen = torch.from_numpy(task.split.test.copy())
right = run_again.predict(task.images_at(chosen)).values.argmax(1) == task.y[chosen]
print(json.dumps([int(right.sum()) / len(right)]))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    task = gv.data.load("digits")
    model = gv.models.lenet5_notes(image_size=8)
    recipe = Recipe(epochs=2, lr=3e-3, batch_size=64)
    return fit(model, task, recipe, folder=folder, progress=False)


def test_a_new_process_gives_the_identical_accuracy(run):
    done = subprocess.run(
        [sys.executable, "-c", EVALUATE, run.folder], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == run.values("test", "accuracy")
    assert run.best.metrics["test"]["accuracy"] > 0.5


@pytest.mark.parametrize("place", ["", "checkpoints", "checkpoints/best.safetensors"])
def test_a_checkpoint_is_found_by_folder_or_file(run, place):
    assert find_checkpoint(run.folder / place).name == "best.safetensors"


def test_probabilities_sum_to_one_and_depend_on_nothing_else(run):
    run_again = gv.load_run(run.folder)
    pictures = run.task.images_at(range(7))
    chances = run_again.predict(pictures).values
    torch.testing.assert_close(chances.sum(1), torch.ones(7, dtype=torch.float32))
    alone = run_again.predict(pictures[3:4]).values[0]
    torch.testing.assert_close(alone, chances[3], atol=2e-2, rtol=0)
    assert run_again.predict(pictures[:0]).values.shape == (0, 10)
    assert run_again.output_names == tuple("0123456789")


def test_pictures_of_another_kind_are_refused(run):
    run_again = gv.load_run(run.folder)
    with pytest.raises(ValueError, match=r"'images' must have shape \(B, 1, 8, 8\).*3, 8, 8"):
        run_again.predict(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(TypeError, match="'images' must be uint8"):
        run_again.predict(torch.zeros(2, 1, 8, 8))


def changed(run, tmp_path, tensors=None, **state):
    before = read_checkpoint(find_checkpoint(run.folder))
    path = tmp_path / "changed.safetensors"
    write_checkpoint(path, Checkpoint(tensors or before.tensors, before.state | state))
    return path


def test_a_checkpoint_of_another_network(run, tmp_path):
    spec = {"name": "mnist_cnn", "arguments": {"image_size": 8}}
    with pytest.raises(ValueError, match="'checkpoint' must have the weights of mnist_cnn"):
        gv.load_run(changed(run, tmp_path, spec=spec))
    with pytest.raises(ValueError, match="'checkpoint' must name its network"):
        gv.load_run(changed(run, tmp_path, spec=None))
    with pytest.raises(ValueError, match="'model' must be a network for images, molecules"):
        gv.load_run(changed(run, tmp_path, input={}))


def test_nothing_there(tmp_path):
    with pytest.raises(
        ValueError, match=r"'checkpoint' must be a run folder.*no best.safetensors"
    ):
        gv.load_run(tmp_path)


def test_the_mean_of_several_views(run):
    task = run.task.with_test_views("mirror")
    model = nn.Module()
    model.forward = lambda x, domain: x.flatten(1).cumsum(1)[:, :10]
    x = torch.randn(2, 1, 8, 8)
    both = task.predict(model, x, task.grid)
    torch.testing.assert_close(both, (model(x, 0) + model(x.flip(3), 0)) / 2)
    moved = task.with_test_views("mirror+shift").predict(lambda x, domain: x.mean((2, 3)), x, None)
    assert not torch.equal(moved, x.mean((2, 3)))
    constant = torch.ones(2, 1, 8, 8)
    same = task.with_test_views("mirror+shift").predict(model, constant, task.grid)
    torch.testing.assert_close(same, model(constant, 0))
    with pytest.raises(ValueError, match="'test_views' must be one of 'none', 'mirror'"):
        task.with_test_views("upside down")
