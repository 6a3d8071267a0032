"""What happens to the folder of a run while it trains, done for real."""

import contextlib
import shutil
import socket
import sys
import tempfile

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision import _torchrun
from gnnvision.training import NotSaved, Recipe, fit
from gnnvision.training.record import LAST

if sys.platform != "win32":
    import resource


def train(folder, at=None, then=None, **options):
    """A short training, in which something happens to its folder at an event."""
    task, events = gv.data.load("karate"), []

    def callback(event):
        events.append(event)
        if len(events) == at:
            then(folder)

    calls = [] if at is None else [callback]
    how = {"progress": False, "group": 1, "save_every": 0, "callbacks": calls}
    model = gv.models.gcn(task.in_channels, 4, 2)
    return fit(model, task, Recipe(epochs=3), 2, folder=folder, **how | options)


def best(folder):
    return (folder / "checkpoints" / "best.safetensors").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    train(folder)
    return best(folder)


def moved(folder):
    folder.rename(folder.with_name("moved"))


@pytest.mark.parametrize("then", [shutil.rmtree, moved])
def test_a_folder_that_vanishes_is_made_again(tmp_path, whole, then):
    train(tmp_path / "run", 5, then)
    assert best(tmp_path / "run") == whole
    assert (tmp_path / "run" / "result.json").is_file()


def replaced(folder):
    shutil.rmtree(folder)
    folder.write_text("mine")


@pytest.mark.filterwarnings("ignore:No checkpoint could be written")
def test_where_a_file_is_in_its_place_the_result_goes_elsewhere(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(NotSaved, match=r"Saved in .* instead") as caught:
        train(tmp_path / "run", 5, replaced)
    assert best(caught.value.elsewhere) == whole
    assert (tmp_path / "run").read_text() == "mine"


@contextlib.contextmanager
def files_of_at_most(size):
    """The kernel lets no file grow beyond this, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.filterwarnings("ignore:No checkpoint could be written")
@pytest.mark.skipif(sys.platform == "win32", reason="has no limits of files")
def test_a_disk_without_room(tmp_path, whole, monkeypatch):
    """The training goes on, what fits is saved, nothing partial is left, and it can be resumed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    run, limits = tmp_path / "run", contextlib.ExitStack()
    with limits, pytest.raises(NotSaved, match=r"best\.safetensors.*Make room there, and resume"):
        train(run, 3, lambda _: limits.enter_context(files_of_at_most(2000)))
    assert {p.name for p in run.rglob("*") if p.is_file()} >= {"last.safetensors", "metrics.csv"}
    assert not [p for p in run.rglob(".*")]
    assert not (run / "checkpoints" / "best.safetensors").exists()
    train(run, resume=True)
    assert best(run) == whole
    assert not (run / LAST).exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_saved_between_two_groups_of_seeds(tmp_path, jobs):
    """When none is in progress: one group is done, and the next has not begun."""
    task = gv.data.load("karate")
    model, recipe = gv.models.gcn(task.in_channels, 4, 2), Recipe(epochs=2)
    how = {"progress": False, "group": 2, "jobs": jobs}
    often = fit(model, task, recipe, 5, folder=tmp_path, save_every=0, **how)
    once = fit(model, task, recipe, 5, **how)
    assert [o.metrics for o in often.outcomes] == [o.metrics for o in once.outcomes]


def test_a_graph_on_disk_that_vanishes_stays_mapped(tmp_path):
    with gv.data.GraphWriter(tmp_path / "g", 40, undirected=True) as writer:
        writer.add_edges(np.arange(39), np.arange(1, 40))
        writer.add_nodes(x=np.eye(40, dtype=np.float32), y=np.arange(40) % 2)
        writer.finish(class_names=("a", "b"))
    recipe, weights = Recipe(epochs=2, fanouts=(2, 2), batch_size=8), []
    for callbacks in ([], [lambda _: shutil.rmtree(tmp_path / "g", ignore_errors=True)]):
        task = gv.data.load(tmp_path / "g")
        model = gv.models.gcn(40, 4, 2)
        fit(model, task, recipe, progress=False, callbacks=callbacks)
        weights.append(torch.cat([value.flatten() for value in model.parameters()]))
    assert not (tmp_path / "g").exists()
    assert torch.equal(*weights)


def test_a_torchrun_that_is_gone_before_its_processes_look_for_it(monkeypatch):
    """They end, in place of waiting for minutes."""
    monkeypatch.setattr(_torchrun, "_REACHED_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # at which nobody listens afterwards
    of_torchrun = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    of_torchrun |= {"MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    for name, value in of_torchrun.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ChildProcessError, match="cannot reach torchrun, which has ended"):
        _torchrun.message("key")
