"""The command `gnnvision sweep`, and `--set` of `gnnvision train`."""

import json
import shlex

import pytest

import gnnvision as gv
from gnnvision.cli import command

pytest.importorskip("optuna")
VARY = ("--vary", "lr=1e-3..1e-1", "hidden=4,8")
FEW = ("--epochs", "3", "--jobs", "1", "--device", "cpu")


@pytest.fixture
def gnnvision(tmp_path, monkeypatch, capsys):
    """Run the command in an empty folder; code, output and errors. Reports take no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")

    def report(result, progress=None):
        path = result.folder / "report.html"
        path.write_text(result.summary(), encoding="utf-8")
        return path

    monkeypatch.setattr(gv.Result, "report", report)

    def run(*words):
        code = 0
        try:
            command.main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        found = capsys.readouterr()
        return code, found.out, found.err

    return run


def test_a_sweep_from_its_plan_to_the_command_of_the_best(gnnvision, tmp_path):
    words = ("sweep", "karate", *VARY, "--trials", "4", "--seeds", "2", *FEW, "--set", "dropout=0")
    code, out, _ = gnnvision(*words)
    assert code == 0
    plan = " ".join(out.split())
    assert "network tuned GCN, 2 layers: num_layers 2, dropout 0, norm None" in plan
    assert "recipe epochs 3, weight_decay 0.0005" in plan
    assert "varies lr: from 0.001 to 0.1, on a log scale; hidden_channels: 4 or 8" in plan
    assert "trials 4, settings drawn by Optuna's TPE" in plan
    assert "each is the mean over seeds 0, 1" in plan
    assert "the highest validation accuracy of the kept epochs; the test split is read by" in plan
    folder = tmp_path / "runs" / "sweep" / "karate"
    assert {"report.html", "trials.csv", "trials.json", "journal.log"} <= {
        file.name for file in folder.iterdir()
    }
    held = json.loads((folder / "trials.json").read_text())["trials"]
    (line,) = (line for line in out.splitlines() if line.startswith("train these settings: "))
    best = line.removeprefix("train these settings: gnnvision ")
    text = " ".join(f"{name}={value}" for name, value in held[0]["settings"].items())
    assert best.endswith(f"--first-seed 2 --set dropout=0 {text}")
    (run,) = (folder / "best").iterdir()
    saved = json.loads((run / "result.json").read_text())
    assert json.loads((run / "config.json").read_text())["command"].endswith(best)
    code, _, _ = gnnvision(*shlex.split(best))  # gives the same run
    assert code == 0
    (again,) = (tmp_path / "runs" / "train").iterdir()
    assert json.loads((again / "result.json").read_text())["metrics"] == saved["metrics"]
    assert gnnvision("predict", run, "3")[0] == 0
    code, out, _ = gnnvision(*words)
    assert "4 of them are finished" in out
    code, _, err = gnnvision(*words[:-1], "dropout=0.5")
    assert code == 2
    assert "'--set' must be ['dropout=0'] as in the sweep in" in err
    code, _, err = gnnvision(*words, "--epochs", "4")
    assert (code, err[:36]) == (2, "error: '--epochs' must be 3 as in th")


def test_networks_can_vary_too(gnnvision, tmp_path):
    vary = ("--vary", "model=gcn,graphsage", "dropout=0..1")
    code, out, _ = gnnvision(
        "sweep", "karate", *vary, "--trials", "3", "--seeds", "1", "--study", "둘", *FEW
    )
    assert code == 0
    assert "dropout: from 0 to 1\n" in out  # not the whole numbers 0 and 1
    assert " --model g" in out
    assert (tmp_path / "runs" / "sweep" / "둘" / "report.html").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "'--vary' must name a setting, got none. Give for example --vary lr=1e-4..1e-1"),
        (("--vary", "lr"), "'--vary' must be NAME=VALUE, got 'lr'."),
        (("--vary", "lr="), "'--vary' must be NAME=VALUE, got 'lr='."),
        (("--vary", "lr=0.1"), "--vary lr=0.1: 'lr' must be a range such as 1e-4..1e-1"),
        (("--vary", "lr=0..1"), "--vary lr=0..1: 'low' must be above 0 on a log scale, got 0"),
        (("--vary", "hiden=1,2"), "got an unknown name. Did you mean 'hidden'?"),
        (("--vary", "hidden=1.5,2"), "'--vary hidden_channels' must be a whole number, got 1.5."),
        (("--vary", "hidden=1..2.5"), "'--vary hidden_channels' must be a whole number, got 2.5."),
        (("--vary", "optimizer=adam,mun"), "must be adam or adamw or sgd or muon, got 'mun'."),
        (("--vary", "evaluate_every=1,2"), "got an unknown name"),
        (("--vary", "in_channels=1,2"), "got an unknown name"),
        (("--vary", "model=gcn,gnc"), "got 'gnc'"),
        (("--vary", "model=1..2"), "'--vary model' must be names of networks"),
        (("--vary", "model=gcn,gae", "layers=1,2"), "an argument of gcn and gae"),
        (("--vary", "lr=1,2", "lr=3,4"), "'--vary' must name each setting once, got lr twice."),
        ((*VARY, "--lr", "1"), "'--lr' must be left out with --vary lr, got 1.0."),
        ((*VARY, "--set", "lr=1"), "'--set lr' must be left out, got also --vary."),
        ((*VARY, "--set", "lr"), "'--set' must be NAME=VALUE, got 'lr'."),
        ((*VARY, "--trials", "0"), "'--trials' must be at least 1, got 0."),
        ((*VARY, "--seeds", "0"), "'--seeds' must be at least 1, got 0."),
        ((*VARY, "--study", "a/b"), "'--study' must be the plain name of a folder, got 'a/b'."),
        ((*VARY, "--study", ".."), "'--study' must be the plain name of a folder, got '..'."),
        ((*VARY, "--metric", "rmse"), "'--metric' must be"),
        ((*VARY, "--resume", "x"), "Unknown flag '--resume'."),
        ((*VARY, "--compare", "lr"), "Unknown flag '--compare'."),
    ],
)
def test_a_wrong_form_ends_with_exit_code_2_and_one_sentence(gnnvision, tmp_path, words, message):
    code, _, err = gnnvision("sweep", "karate", *words)
    assert code == 2
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("lr=0.1", "--lr", "0.2"), "'--lr' must be left out with --set lr, got 0.2."),
        (("momentum=0.5",), "'momentum' must have an effect with the other settings, got 0.5."),
        (("dropout=a",), "'--set dropout' must be a number, got 'a'."),
        (("residual=1",), "'--set residual' must be true or false, got 1."),
        (("nothing=1",), "got an unknown name"),
    ],
)
def test_set_refuses(gnnvision, settings, message):
    code, _, err = gnnvision("train", "karate", "--set", *settings)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err


def test_set_changes_the_network_and_the_recipe(gnnvision, tmp_path):
    words = ("hidden=4", "layers=3", "optimizer=adamw", "weight_decay=0.1", "residual=true")
    assert gnnvision("train", "karate", "--seeds", "1", *FEW, "--set", *words)[0] == 0
    (run,) = (tmp_path / "runs" / "train").iterdir()
    recipe = json.loads((run / "result.json").read_text())["recipe"]
    assert (recipe["optimizer"], recipe["weight_decay"], recipe["epochs"]) == ("adamw", 0.1, 3)
    spec = gv.load_run(run).model.spec["arguments"]
    assert (spec["hidden_channels"], spec["num_layers"], spec["residual"]) == (4, 3, True)
