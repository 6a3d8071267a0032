"""Tasks and results can be copied and pickled, and fitted weights saved by anybody's code."""

import copy
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import gnnvision as gv
from gnnvision.data.frozen import FrozenDict
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.tu_load import _splitter
from gnnvision.transfer.few_labels import with_few_labels

COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda value: pickle.loads(pickle.dumps(value))}
TASKS = {
    "nodes": lambda: gv.data.load("karate"),
    "few molecules": lambda: with_few_labels(gv.data.load("bioactivity"), 20),
    "random split": lambda: gv.data.load("bioactivity", split="random"),
    "folds": lambda: gv.data.load("bioactivity", split="kfold"),
    "images": lambda: gv.data.load("digits"),
    "small images": lambda: gv.data.load("digits").low_resolution(),
    "reconstruction": lambda: gv.data.load("digits").reconstruction(),
    "molecules": lambda: gv.data.load("bioactivity"),
}


@pytest.mark.parametrize("make", TASKS.values(), ids=TASKS)
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_task_is_the_same_task(make, copied):
    task = make()
    list(task.batches("test"))
    again = copied(task)
    assert type(again) is type(task)
    assert again.card == task.card
    assert again.with_seed(3).split.hash == task.with_seed(3).split.hash
    for part in ("train", "test"):
        for (x, _, y), (u, _, v) in zip(task.batches(part), again.batches(part), strict=True):
            assert torch.equal(x.to_dense(), u.to_dense())
            assert torch.equal(y.nan_to_num(), v.nan_to_num())


def test_what_was_worked_out_is_not_copied():
    task = gv.data.load("bioactivity")
    before = len(pickle.dumps(task))
    list(task.batches("test"))
    assert len(pickle.dumps(task)) == before
    assert len(list(task.batches("test"))) > 0


@pytest.mark.parametrize("split", ["random", "stratified", "kfold"])
def test_the_splits_of_graph_sets_can_be_pickled(split):
    y = np.arange(40) % 2
    splitter = _splitter(y, GraphOptions(split=split))
    assert pickle.loads(pickle.dumps(splitter))(1).hash == splitter(1).hash


def test_a_card_does_not_change_and_can_be_copied():
    facts = gv.data.load("karate").card.facts
    assert pickle.loads(pickle.dumps(facts)) == copy.deepcopy(facts) == dict(facts)
    assert isinstance(copy.deepcopy(facts), FrozenDict)
    for change in (
        lambda: facts.update(a=1),
        lambda: facts.pop("title", None),
        lambda: facts.__setitem__("a", 1),
    ):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_result(copied):
    task = gv.data.load("karate")
    model = gv.models.gcn(task.in_channels, 4, task.num_classes)
    result = gv.fit(model, task, gv.Recipe(epochs=2), progress=False)
    again = copied(result)
    assert again.to_dict() == result.to_dict()
    result.model.eval(), again.model.eval()
    graph = copied(task.graph)
    assert torch.equal(again.model(task.x, graph), result.model(task.x, task.graph))


@pytest.mark.parametrize("builds", [False, True])
def test_fitted_weights_can_be_saved(builds, tmp_path):
    def network():
        return gv.Sequential(gv.Conv2d(1, 4, 3), nn.ReLU(), gv.Readout("mean"), nn.Linear(4, 10))

    task = gv.data.load("digits")
    given = network if builds else network()
    result = gv.fit(given, task, gv.Recipe(epochs=1, batch_size=512), progress=False)
    assert all(p.is_contiguous() for p in result.model.parameters())
    save_file(result.model.state_dict(), tmp_path / "weights.safetensors")
    nn.utils.parameters_to_vector(result.model.parameters())
