"""Sweeps: every trial once, also after SIGKILL; chosen by validation alone; failures by name."""

import json
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

import gnnvision as gv
from gnnvision.training import Sweep, read_json, sweeping
from gnnvision.training.claims import _machine
from gnnvision.training.lock import InUse
from gnnvision.training.search_space import read_space
from gnnvision.training.studies import Journal, Trial, importance, suggest

pytest.importorskip("optuna")
TASK = gv.data.load("karate")
SPACE = {"lr": "1e-3..1e-1", "hidden": "4,8,16"}
OPTIONS = {"trials": 6, "seeds": 2, "progress": False, "device": "cpu", "group": 1}


def build(settings):
    model = gv.models.gcn(TASK.in_channels, settings.get("hidden", 4), TASK.num_classes)
    return model, gv.Recipe(epochs=4, lr=settings["lr"])


def sweep(folder, space=SPACE, build=build, **changed) -> Sweep:
    return gv.sweep(build, TASK, space, folder=folder, **OPTIONS | changed)


def numbers(folder, space=SPACE):
    frozen = Journal(folder, read_space(space), True)._study.get_trials()
    return Counter(trial.user_attrs["number"] for trial in frozen)


def test_a_sweep_and_the_same_call_again(tmp_path, capsys):
    found = sweep(tmp_path, progress=True)
    out = capsys.readouterr().out
    assert "lr: from 0.001 to 0.1, on a log scale; hidden: 4, 8 or 16" in " ".join(out.split())
    assert out.count("validation accuracy") == 1 + 6
    assert [trial.number for trial in found.trials] == list(range(6))
    assert found.best.score == max(trial.score for trial in found.trials)
    assert [outcome.seed for outcome in found.result.outcomes] == [2, 3]
    assert found.result.recipe.lr == found.best.settings["lr"]
    assert found.result.folder == tmp_path / "best" / f"trial-{found.best.number}"
    assert not list(tmp_path.glob("trials/*/checkpoints"))
    again = sweep(tmp_path, build=build, progress=True)
    assert "6 of them are finished" in " ".join(capsys.readouterr().out.split())
    assert again.trials == found.trials
    assert again.result.metrics() == found.result.metrics()
    more = sweep(tmp_path, trials=7)
    assert more.trials[:6] == found.trials
    assert numbers(tmp_path) == Counter(range(7))
    other = tmp_path / "other"
    assert sweep(other).trials == found.trials  # the same numbers, by seed


def test_the_test_split_is_read_by_the_best_settings_alone(tmp_path, monkeypatch):
    reads = []
    before = gv.data.NodeTask.batches

    def batches(task, split, *rest, **more):
        reads.append(split)
        return before(task, split, *rest, **more)

    def built(settings):
        reads.append("build")
        return build(settings)

    monkeypatch.setattr(gv.data.NodeTask, "batches", batches)
    sweep(tmp_path, build=built)
    final = len(reads) - reads[::-1].index("build")
    assert reads.count("build") == 6 + 1
    assert "val" in reads[:final]
    assert "test" not in reads[:final]
    assert "test" in reads[final:]
    for file in tmp_path.glob("trials/*/result.json"):
        assert read_json(file)["metrics"]["test"] == {}
    assert "test" not in (tmp_path / "journal.log").read_text()


KILLED = """
import os, sys
import gnnvision as gv
from gnnvision.training.loop import Loop
from tests.training.test_sweeping import build, sweep

begun = []
save = Loop._save


def built(settings):
    begun.append(settings)
    return build(settings)


def save_and_end(loop):
    save(loop)
    if len(begun) == 3 and len(loop.trainer.outcomes) == 1:
        os.kill(os.getpid(), 9)


Loop._save = save_and_end
sweep(sys.argv[1], build=built, save_every=0, trials=8)
"""


def test_two_processes_of_which_one_is_killed(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)])
    while not (tmp_path / "trials" / "000" / "claim-0.json").exists():
        assert process.poll() is None
    began = []

    def slow(settings):
        began.append(settings)
        if len(began) == 2:
            assert process.wait() == -signal.SIGKILL
        return build(settings)

    found = sweep(tmp_path, build=slow, save_every=0, trials=8)
    assert numbers(tmp_path) == Counter(range(8))
    assert [trial.number for trial in found.trials] == list(range(8))
    (place,) = (file.parent for file in tmp_path.glob("trials/*/claim-1.json"))
    assert json.loads((place / "claim-1.json").read_text())["progress"]  # from its checkpoint
    assert len(began) == 8 - 2 + 1  # all but the two of the other process, and the best one
    alone = gv.fit(*_parts(found.trials[int(place.name)]), seeds=2, progress=False, group=1)
    assert tuple(alone.values("val", "accuracy")) == found.trials[int(place.name)].scores


def _parts(trial):
    model, recipe = build(trial.settings)
    return model, TASK, recipe


def test_failed_trials_have_a_reason_and_no_number(tmp_path):
    def refuses(settings):
        if settings["lr"] == "bad":
            raise ValueError("'heads' must divide 'out_channels'.")
        return build(settings)

    found = sweep(tmp_path, {"lr": ["bad", 0.01, 1e30]}, refuses)
    assert len(found.trials) == 3  # all combinations, once
    refused, diverged = sorted(found.failed, key=lambda trial: str(trial.settings["lr"]))[::-1]
    assert refused.reason == "'heads' must divide 'out_channels'."
    assert diverged.reason.startswith("loss diverged (nan) in epoch")
    assert not refused.scores
    assert found.best.settings == {"lr": 0.01}
    assert "best of 3 trials, 2 of them failed" in found.summary()
    found.write_tables()
    rows = (tmp_path / "trials.csv").read_text().splitlines()
    assert rows[0] == "trial,lr,val_accuracy_mean,val_accuracy_std,seconds,status,reason"
    assert rows[1].endswith(",complete,")
    assert ",failed,loss diverged" in "\n".join(rows)
    held = read_json(tmp_path / "trials.json")
    assert held["importance"] == {}
    assert [one["mean"] for one in held["trials"]][1:] == [None, None]
    with pytest.raises(ValueError, match=r"All 2 trials failed; trial 0: "):
        sweep(tmp_path / "none", {"lr": ["bad", 1e30]}, refuses)


def test_a_trial_that_ends_its_process_again_and_again_has_failed(tmp_path):
    place = tmp_path / "trials" / "002"
    place.mkdir(parents=True)
    for number in range(3):
        about = {"pid": 1, "host": "a", "machine": "", "beat": 0, "progress": None}
        if number == 2:
            about |= {"machine": _machine(), "started": "then"}
        (place / f"claim-{number}.json").write_text(json.dumps(about))
    found = sweep(tmp_path)
    assert [trial.number for trial in found.failed] == [2]
    assert found.failed[0].reason.startswith("3 processes ended while they trained it")


def test_a_folder_that_is_still_locked_is_waited_for(tmp_path, monkeypatch):
    before, waits = sweeping.train, []

    def train(*rest, **more):
        if not waits:
            raise InUse(more["folder"])
        return before(*rest, **more)

    monkeypatch.setattr(sweeping, "train", train)
    monkeypatch.setattr(sweeping.time, "sleep", waits.append)
    assert not sweep(tmp_path).failed
    assert len(waits) == 1


def test_ctrl_c_gives_the_trial_back(tmp_path):
    def interrupted(settings):
        signal.raise_signal(signal.SIGINT)
        return build(settings)

    with pytest.raises(gv.training.Interrupted, match="The same command continues the sweep"):
        sweep(tmp_path, build=interrupted)
    assert read_json(tmp_path / "trials" / "000" / "claim-0.json")["released"] is True
    assert len(sweep(tmp_path).trials) == 6


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seeds": 3}, r"'seeds' must be \[0, 1\] as in the sweep in .*, got \[0, 1, 2\]"),
        ({"metric": "f1_macro"}, "'metric' must be accuracy as in the sweep in"),
        ({"config": {"fixed": {"epochs": 5}}}, "'epochs' must be unset as in the sweep in"),
        ({"space": {"lr": "1e-3..1e-1"}}, "'settings' must be {'lr'"),
    ],
)
def test_another_sweep_in_the_folder_is_refused(tmp_path_factory, changed, words):
    folder = tmp_path_factory.getbasetemp() / "one sweep"
    sweep(folder, trials=1)
    with pytest.raises(ValueError, match=words):
        sweep(folder, **{"trials": 1} | changed)


def test_what_else_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'trials' must be at least 1, got 0"):
        sweep(tmp_path, trials=0)
    measured = lambda s: (build(s)[0], gv.Recipe(evaluate_every="epoch", lr=s["lr"]))  # noqa: E731
    with pytest.raises(ValueError, match="'evaluate_every' must be None in a sweep, got epoch"):
        sweep(tmp_path / "a", build=measured)
    rest = [*TASK.split.val, *TASK.split.test]
    blind = replace(TASK, split=gv.data.Split("own", TASK.split.train, [], rest))
    with pytest.raises(ValueError, match="'task' must have labels in its validation split"):
        gv.sweep(build, blind, SPACE, folder=tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="'folder' must be that of a sweep, or new"):
        sweep(tmp_path / "c")


def test_a_sweep_is_refused_under_torchrun(tmp_path, monkeypatch):
    monkeypatch.setattr("gnnvision._torchrun.size", lambda: 2)
    with pytest.raises(ValueError, match="'sweep' must be started without torchrun, got 2 ranks"):
        sweep(tmp_path)


def test_a_damaged_journal_is_one_sentence_and_a_torn_line_is_dropped(tmp_path):
    space = read_space(SPACE)
    trials = [Trial(n, {"lr": 0.01, "hidden": 4}, (0.5 + n / 10,), 1.0, 2.0) for n in range(3)]
    Journal(tmp_path, space, True).add(trials[0])
    path = tmp_path / "journal.log"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"work')  # as a full disk leaves it
    assert list(Journal(tmp_path, space, True).trials()) == [0]
    Journal(tmp_path, space, True).add(trials[1])
    assert list(Journal(tmp_path, space, True).trials().values()) == trials[:2]
    path.write_bytes(whole.replace(b'"op_code":4', b'"op_code":!') + whole)
    with pytest.raises(ValueError, match=r"'journal\.log' must be a journal of this sweep, got"):
        Journal(tmp_path, space, True).trials()


def test_the_first_result_of_a_number_counts(tmp_path):
    """Two processes finish one trial if the first slept so long that it was given up."""
    journal = Journal(tmp_path, read_space(SPACE), True)
    first, second = (Trial(0, {"lr": 0.01, "hidden": 4}, (s,), 1.0) for s in (0.5, 0.6))
    journal.add(first)
    journal.add(second)
    assert list(journal.trials().values()) == [first]


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def link(first, second):
        raise PermissionError("no links here")

    monkeypatch.setattr(sweeping.os, "link", link)
    assert len(sweep(tmp_path, trials=1).trials) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best", "config.json", "journal.log", "trials",
    ]  # fmt: skip


def test_settings_are_drawn_without_repetition(tmp_path):
    space = read_space({"a": "1..3", "b": "1..3"})
    journal, drawn = Journal(tmp_path, space, True), []
    for number in range(8):
        drawn.append(suggest(journal, number, drawn[6:], 8))
        if number < 6:
            journal.add(Trial(number, drawn[-1], (float(number),), 1.0))
    assert len({tuple(one.items()) for one in drawn}) == 8


def test_importance_finds_the_setting_that_matters():
    pytest.importorskip("sklearn")
    space = read_space({"lr": "0.0..1:linear", "hidden": "4,8"})
    trials = [
        Trial(n, {"lr": n / 21, "hidden": (4, 8)[n % 2]}, ((n / 21 - 0.3) ** 2,), 1.0)
        for n in range(21)
    ]
    shares = importance(trials, space, True)
    assert shares["lr"] > 0.9
    assert sum(shares.values()) == pytest.approx(1)
    assert importance(trials[:19], space, True) == {}
