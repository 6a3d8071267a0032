"""What a run leaves when not everything can be written, and the result read from its folder."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
import torch

import gnnvision as gv
from gnnvision.training import NotSaved, Recipe, checkpoint, fit, read_result
from gnnvision.training import record as record_module
from gnnvision.training.record import BEST, LAST, OUTCOMES, is_complete

from . import tasks


@pytest.fixture(scope="module")
def karate():
    return gv.data.load("karate")


def small(task):
    return gv.models.gcn(task.in_channels, 4, task.num_classes)


def run(task, folder, **options):
    recipe = Recipe(epochs=3, lr=0.02)
    return fit(small(task), task, recipe, seeds=2, folder=folder, progress=False, **options)


def refuse(monkeypatch, folder, *names, error=None):
    """Let files of these names in this folder not be written, in whatever way they are."""

    def around(name):
        original = getattr(record_module, name)

        def write(path, *args, **options):
            if folder in path.parents and path.name in names:
                raise error or OSError(28, "No space left on device")
            return original(path, *args, **options)

        monkeypatch.setattr(record_module, name, write)

    for name in ("write_checkpoint", "write_json", "write_csv"):
        around(name)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The system's temporary folder, for what the run folder does not take."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


class TestWhatCannotBeWritten:
    @pytest.mark.parametrize(
        ("name", "lost"),
        [
            ("best.safetensors", BEST),
            ("result.json", "result.json"),
            ("metrics.csv", "metrics.csv"),
            ("outcomes.safetensors", OUTCOMES),
        ],
    )
    def test_the_rest_is_written_and_the_lost_goes_elsewhere(
        self, karate, tmp_path, monkeypatch, elsewhere, name, lost
    ):
        folder = tmp_path / "run"
        refuse(monkeypatch, folder, name)
        with pytest.raises(NotSaved, match="No space left on device") as caught:
            run(karate, folder)
        names = {BEST, OUTCOMES, "result.json", "metrics.csv"}
        # Without the figures the room of the report's file is given to them.
        missing = {lost} | ({OUTCOMES} if name == "result.json" else set())
        assert {n for n in names if not (folder / n).exists()} == missing
        (rescue,) = elsewhere.glob("gnnvision-*")
        assert (rescue / lost).is_file()
        assert str(rescue) in str(caught.value)
        assert "Saved there: " in str(caught.value)
        assert "accuracy" in caught.value.result.summary()

    def test_a_safetensors_error_is_one_of_writing(self, karate, tmp_path, monkeypatch, elsewhere):
        def full(*_):
            raise checkpoint.SafetensorError("I/O error: No space left on device (os error 28)")

        monkeypatch.setattr(checkpoint, "save_file", full)
        with pytest.raises(NotSaved, match=r"'checkpoints/best\.safetensors'") as caught:
            run(karate, tmp_path / "run", ensemble=True)
        assert (tmp_path / "run" / "result.json").is_file()
        assert "Not saved: checkpoints/best.safetensors" in str(caught.value)
        assert "checkpoints/seed-1.safetensors" in str(caught.value)
        assert not list(elsewhere.glob("gnnvision-*"))  # which took nothing either

    @pytest.mark.parametrize(
        "error", [PermissionError(13, "Permission denied"), MemoryError(), RuntimeError("CUDA")]
    )
    def test_other_reasons(self, karate, tmp_path, monkeypatch, elsewhere, error):
        refuse(monkeypatch, tmp_path / "run", "best.safetensors", error=error)
        with pytest.raises(NotSaved, match=r"Permission denied|MemoryError|CUDA"):
            run(karate, tmp_path / "run")
        assert json.loads((tmp_path / "run" / "result.json").read_text())["seeds"] == [0, 1]

    def test_the_last_checkpoint_stays(self, karate, tmp_path, monkeypatch, elsewhere):
        with monkeypatch.context() as full:
            refuse(full, tmp_path, "best.safetensors", "outcomes.safetensors")
            with pytest.raises(NotSaved, match="resume the run from its last checkpoint"):
                run(karate, tmp_path, save_every=0)
        assert (tmp_path / LAST).is_file()
        assert not is_complete(tmp_path)
        result = run(karate, tmp_path, resume=True)
        assert is_complete(tmp_path)
        assert not (tmp_path / LAST).exists()
        assert len(result.outcomes) == 2

    def test_weights_of_a_seed_are_tried_again_at_the_end(
        self, karate, tmp_path, monkeypatch, elsewhere
    ):
        calls = []

        def write(path, held):
            calls.append(path.name)
            if len(calls) == 1:
                raise OSError(28, "No space left on device")
            checkpoint.write_checkpoint(path, held)

        monkeypatch.setattr("gnnvision.training.loop.write_checkpoint", write)
        run(karate, tmp_path, ensemble=True)
        assert calls == ["seed-0.safetensors", "seed-1.safetensors"]
        assert (tmp_path / "checkpoints" / "seed-0.safetensors").is_file()


class TestReadResult:
    @pytest.mark.parametrize("make", [lambda: gv.data.load("karate"), tasks.rings])
    def test_it_is_the_one_that_fit_returned(self, make, tmp_path):
        task = make()
        model = (
            small(task)
            if task.kind == "classification"
            else gv.Sequential(gv.GCNConv(2, 4), gv.Readout("mean"), torch.nn.Linear(4, 1))
        )
        made = fit(model, task, Recipe(epochs=3), seeds=2, folder=tmp_path, progress=False)
        weights = {name: value.clone() for name, value in made.model.state_dict().items()}
        (tmp_path / "metrics.csv").rename(tmp_path / "before.csv")
        for parameter in model.parameters():
            torch.nn.init.zeros_(parameter)
        again = read_result(tmp_path, task, model)
        assert again.to_dict() == made.to_dict()
        assert again.summary() == made.summary()
        assert all(torch.equal(v, weights[n]) for n, v in again.model.state_dict().items())
        for a, b in zip(again.outcomes, made.outcomes, strict=True):
            assert a.history == b.history
            torch.testing.assert_close(a.prediction, b.prediction, rtol=0, atol=0, equal_nan=True)
        csv = [(tmp_path / name).read_bytes() for name in ("metrics.csv", "before.csv")]
        assert csv[0] == csv[1]

    def test_of_another_task_or_model(self, karate, tmp_path):
        run(karate, tmp_path)
        with pytest.raises(ValueError, match="'task' must be the task of the run"):
            read_result(tmp_path, gv.data.load("karate", split="random"), small(karate))
        with pytest.raises(ValueError, match=r"best\.safetensors.*of shape \(4,\) instead"):
            read_result(tmp_path, karate, gv.models.gcn(34, 8, 2))
        shutil.copy(tmp_path / BEST, tmp_path / OUTCOMES)
        with pytest.raises(ValueError, match=r"outcomes.*'outcomes' is missing"):
            read_result(tmp_path, karate, small(karate))


def test_nothing_temporary_is_left(karate, tmp_path):
    run(karate, tmp_path, ensemble=True)
    names = {p.name for p in tmp_path.rglob("*") if p.is_file()}
    seeds = {"seed-0.safetensors", "seed-1.safetensors"}
    assert names == {Path(BEST).name, Path(OUTCOMES).name, "result.json", "metrics.csv"} | seeds
