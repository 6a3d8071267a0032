"""The command `gnnvision`, as a new user tries it: in an empty folder, with data of one's own."""

import csv
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import gnnvision as gv
from gnnvision.cli import command

FEW = ("--epochs", "2", "--seeds", "2")
SMILES = ("CO", "CN", "CCO", "c1ccccc1O", "c1ccccc1N", "CCS", "CC=O", "CC(=O)O", "CCN")


@pytest.fixture(autouse=True)
def no_page(monkeypatch):
    """A report that takes no time; `test_two_tables` writes a whole one."""
    before = gv.Result.report

    def report(result, progress=None):
        path = result.folder / "report.html"
        path.write_text(result.summary(), encoding="utf-8")
        return path

    monkeypatch.setattr(gv.Result, "report", report)
    monkeypatch.setattr("gnnvision.cli.experiment.start_maps", _nothing)
    return before


class _nothing:
    def __init__(self, *_):
        pass

    def __enter__(self):
        return None

    def __exit__(self, *_):
        return None


@pytest.fixture
def gnnvision(tmp_path, monkeypatch, capsys):
    """Run the command in an empty folder without a network; code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GNNVISION_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("COLUMNS", "400")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def run(*words):
        code = 0
        try:
            command.main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        found = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, found.out, found.err)

    yield run
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def graph(tmp_path):
    """Two tables of a graph with ids in Korean: two groups of nodes, some without a topic."""
    draw = np.random.default_rng(0)
    rows = []
    for number in range(60):
        topic = ("수학", "물리")[number % 2]
        color = ("red", "blue", "green")[number % 3]
        rows.append(
            [f"논문 {number}", topic if number % 10 else "", number % 2 + draw.normal(), color]
        )
    write(tmp_path / "nodes.csv", [["id", "topic", "length", "color"], *rows])
    pairs = {(i, (i + 2 * int(draw.integers(1, 9))) % 60) for i in range(60)}
    edges = [[f"논문 {a}", f"논문 {b}"] for a, b in sorted(pairs)]
    write(tmp_path / "edges.csv", [["source", "target"], *edges])
    return ("nodes.csv", "--edges", "edges.csv", "--label", "topic")


@pytest.fixture
def photos(tmp_path):
    """A folder of photographs with Korean names."""
    draw = np.random.default_rng(0)
    for number in range(40):
        kind = ("고양이", "개")[number % 2]
        path = tmp_path / "사진" / kind / f"{number}번.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 80, (12, 14, 3), dtype=np.uint8)
        pixels[..., number % 2] += 120
        Image.fromarray(pixels).save(path)
    return tmp_path / "사진"


@pytest.fixture
def molecules(tmp_path):
    """A table of molecules, one of which is not one."""
    rows = [["C" * (n // 9) + SMILES[n % 9], f"분자 {n}", n / 7] for n in range(60)]
    write(tmp_path / "mol.csv", [["smiles", "name", "solubility"], *rows, ["xyz", "none", 1.5]])
    return tmp_path / "mol.csv"


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def read(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def the_run(tmp_path):
    (found,) = (tmp_path / "runs" / "train").iterdir()
    return found


def refused(done, *parts):
    """Exit code 2 and one line that names what it should."""
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in line, line


class TestGraph:
    def test_two_tables_to_a_report_and_predictions(self, gnnvision, graph, tmp_path):
        done = gnnvision("train", *graph, *FEW)
        assert done.returncode == 0, done.stderr
        assert "6 of 60 nodes" in done.stdout  # what was understood
        assert "'color'" in done.stdout
        run = the_run(tmp_path)
        assert f"report: {run.relative_to(tmp_path)}/report.html" in done.stdout
        assert f"gnnvision predict {run.relative_to(tmp_path)}" in done.stdout
        done = gnnvision("predict", run, "--output", "예측.csv")
        assert done.returncode == 0, done.stderr
        rows = read(tmp_path / "예측.csv")
        assert [row["id"] for row in rows] == [f"논문 {n}" for n in range(60)]
        assert {row["predicted"] for row in rows} <= {"수학", "물리"}
        for row in rows:
            total = float(row["p_수학"]) + float(row["p_물리"])
            assert total == pytest.approx(1, abs=2e-4)

    def test_some_nodes_and_new_ones(self, gnnvision, graph, tmp_path):
        gnnvision("train", *graph, *FEW)
        run = the_run(tmp_path)
        done = gnnvision("predict", run, "논문 10", "논문 3")
        assert [row["id"] for row in csv.DictReader(done.stdout.splitlines())] == [
            "논문 10", "논문 3",
        ]  # fmt: skip
        write(tmp_path / "new.csv", [["id", "length", "color"], ["새 논문", 0.4, "red"]])
        write(tmp_path / "links.csv", [["source", "target"], ["새 논문", "논문 3"]])
        done = gnnvision("predict", run, "--nodes", "new.csv", "--edges", "links.csv")
        assert done.returncode == 0, done.stderr
        (row,) = csv.DictReader(done.stdout.splitlines())
        assert (row["id"], row["status"]) == ("새 논문", "ok")
        refused(gnnvision("predict", run, "nobody"), "'INPUT' must be a node of", "'nobody'")
        refused(gnnvision("predict", run, "논문 77"), "Did you mean '논문 7'", "--nodes")
        write(tmp_path / "new.csv", [["id", "color"], ["새 논문", "red"]])
        missing = gnnvision("predict", run, "--nodes", "new.csv", "--edges", "links.csv")
        refused(missing, "'length'")

    @pytest.mark.slow
    def test_a_page_of_explanations_and_the_report_again(
        self, gnnvision, graph, tmp_path, monkeypatch, no_page
    ):
        gnnvision("train", *graph, *FEW)
        run = the_run(tmp_path)
        few = ("--method", "gradient", "--no-checks")
        done = gnnvision("explain", run, "논문 3", *few)
        assert done.returncode == 0, done.stderr
        (page,) = (tmp_path / "runs" / "explain").glob("*/report.html")
        assert "논문 3" in page.read_text(encoding="utf-8")
        (run / "report.html").unlink()
        monkeypatch.setattr(gv.Result, "report", no_page)
        done = gnnvision("report", run)
        assert done.returncode == 0, done.stderr
        text = (run / "report.html").read_text(encoding="utf-8")
        assert "수학" in text
        assert "gnnvision train nodes.csv" in text

    def test_links_in_place_of_labels(self, gnnvision, graph, tmp_path):
        done = gnnvision("train", *graph, "--links", *FEW)
        assert done.returncode == 0, done.stderr
        done = gnnvision("predict", the_run(tmp_path), "--output", "links.csv")
        assert done.returncode == 0, done.stderr
        known = {frozenset(row.values()) for row in read(tmp_path / "edges.csv")}
        found = [frozenset(list(row.values())[:2]) for row in read(tmp_path / "links.csv")]
        assert found
        assert not known & set(found)
        photos = gnnvision("train", "digits", "--links")
        refused(photos, "must be one graph with node labels")

    def test_a_check_before_training(self, gnnvision, graph):
        done = gnnvision("check", *graph)
        assert done.returncode == 0, done.stderr
        for text in ("homophily", "components", "6 of 60 nodes", "'color'", "degrees"):
            assert text in done.stdout
        assert not done.stderr

    def test_mistakes(self, gnnvision, graph, tmp_path):
        nodes, edges = read(tmp_path / "nodes.csv"), read(tmp_path / "edges.csv")
        refused(
            gnnvision("check", "nodes.csv", "--edges", "none.csv", "--label", "topic"), "none.csv"
        )
        refused(gnnvision("train", *graph[:3], "--label", "topik"), "'--label'", "'topic'")
        (tmp_path / "논문.csv").write_bytes((tmp_path / "nodes.csv").read_bytes())
        refused(gnnvision("check", "논문.csv", "--label", "topic"), "'--label'", "--edges")
        write(tmp_path / "edges.csv", [["source", "target"], ["논문 1", "논문 99"]])
        refused(gnnvision("check", *graph), "논문 99")
        write(tmp_path / "edges.csv", [["source", "target"], *(list(e.values()) for e in edges)])
        twice = [list(nodes[0]), *(list(n.values()) for n in nodes), list(nodes[0].values())]
        write(tmp_path / "nodes.csv", twice)
        refused(gnnvision("check", *graph), "논문 0")
        write(tmp_path / "nodes.csv", twice[:1])
        refused(gnnvision("train", *graph), "nodes.csv")
        assert not (tmp_path / "runs").exists()


class TestImages:
    def test_a_folder_of_photographs(self, gnnvision, photos, tmp_path):
        done = gnnvision("train", "사진", *FEW)
        assert done.returncode == 0, done.stderr
        assert "training images are few" in done.stderr
        done = gnnvision("predict", the_run(tmp_path), "사진/개", "--output", "out.csv")
        assert done.returncode == 0, done.stderr
        rows = read(tmp_path / "out.csv")
        assert len(rows) == 20
        assert {row["status"] for row in rows} <= {"ok", "changed"}
        assert {"p_개", "p_고양이"} <= set(rows[0])

    def test_numbers_have_their_units(self, gnnvision, photos, tmp_path):
        files = sorted(path.relative_to(tmp_path) for path in photos.rglob("*.png"))
        write(
            tmp_path / "t.csv", [["file", "y"], *([f, 500 + 10 * n] for n, f in enumerate(files))]
        )
        done = gnnvision("train", "t.csv", "--target", "y", "--kind", "regression", *FEW)
        assert done.returncode == 0, done.stderr
        done = gnnvision("predict", the_run(tmp_path), photos / "개")
        rows = list(csv.DictReader(done.stdout.splitlines()))
        assert all(300 < float(row["predicted y"]) < 1100 for row in rows)

    def test_a_broken_file_is_found_before_training(self, gnnvision, photos):
        (photos / "개" / "broken.png").write_bytes(b"none")
        done = gnnvision("check", "사진")
        refused(done, "1 image file cannot be read", "broken.png")
        assert "classes" in done.stdout
        assert gnnvision("check", "사진", "--on-invalid", "skip").returncode == 0

    def test_an_unknown_network_and_one_of_another_kind(self, gnnvision, photos, tmp_path):
        refused(gnnvision("train", "사진", "--model", "small_resnt"), "'--model'", "small_resnet")
        refused(
            gnnvision("train", "사진", "--label", "a"), "'--label' must be left out for images"
        )
        assert not (tmp_path / "runs").exists()


class TestMolecules:
    def test_a_table(self, gnnvision, molecules, tmp_path):
        done = gnnvision("train", "mol.csv", "--target", "solubility", *FEW)
        assert done.returncode == 0, done.stderr
        assert "1 of 61 rows" in done.stdout  # what is no molecule
        done = gnnvision("predict", the_run(tmp_path), "mol.csv", "--output", "out.csv")
        assert done.returncode == 0, done.stderr
        rows = read(tmp_path / "out.csv")
        assert [row["name"] for row in rows[:2]] == ["분자 0", "분자 1"]
        assert rows[-1]["status"] == "failed"
        assert float(rows[0]["predicted solubility"])
        assert "1 of 61 rows have no prediction" in done.stderr
        refused(gnnvision("predict", the_run(tmp_path)), "INPUT must be given")
        refused(gnnvision("predict", the_run(tmp_path), "mo.csv"), "'INPUT'", "'mol.csv'")

    def test_a_flag_with_several_values_can_be_repeated(self, gnnvision, molecules, tmp_path):
        rows = [[*row.values(), 2] for row in read(molecules)]
        write(molecules, [["smiles", "name", "a", "b"], *rows])
        done = gnnvision("check", "mol.csv", "--target", "a", "--target", "b")
        assert "'a': " in done.stdout
        assert "'b': " in done.stdout

    def test_a_check(self, gnnvision, molecules):
        done = gnnvision("check", "mol.csv", "--target", "solubility")
        assert done.returncode == 0, done.stderr
        assert "scaffolds" in done.stdout
        assert "xyz" in done.stdout


class TestTheCommand:
    def test_help_version_and_environment(self, gnnvision):
        assert "gnnvision train PHOTOS" in gnnvision().stdout
        for verb in command.VERBS:
            done = gnnvision(verb, "--help")
            assert done.returncode == 0
            assert done.stdout.startswith(f"usage: gnnvision {verb} ")
            assert f"gnnvision {verb} " in done.stdout.partition("examples:")[2]
        assert gnnvision("--version").stdout == f"gnnvision {gv.__version__}\n"
        assert "devices" in gnnvision("--doctor").stdout

    def test_the_help_of_training_needs_no_torch(self):
        program = "import sys; from gnnvision.cli.command import main\n"
        program += "try: main(['train', '--help'])\nexcept SystemExit: print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert not {"torch", "numpy", "rich"} & set(done.stdout.splitlines()[-1].split())

    def test_every_flag_is_explained_in_sentences(self):
        from gnnvision.cli import command_check, command_explain, command_predict, command_train
        from gnnvision.cli.flags import flags_of

        for module in (command_check, command_explain, command_predict, command_train):
            for flag in flags_of(module.flags()):
                assert flag.text.endswith("."), (module.__name__, flag.name, flag.text)

    def test_every_option_of_a_loader_is_a_flag(self):
        """Unless a command line has another flag for it, or cannot give its value."""
        import dataclasses

        from gnnvision.cli.door_flags import door_options
        from gnnvision.data.graphs.options import GraphOptions
        from gnnvision.data.images.options import ImageOptions
        from gnnvision.data.molecules.options import MoleculeOptions

        other = {"root", "seed", "download", "augment", "featurizer", "kinds"}
        rooms = {"graphs": GraphOptions, "images": ImageOptions, "molecules": MoleculeOptions}
        for room, options in rooms.items():
            found = {one.option for one in door_options() if room in one.rooms}
            assert found == {field.name for field in dataclasses.fields(options)} - other

    @pytest.mark.parametrize(
        ("words", "parts"),
        [
            (("trian", "cora"), ("'command' must be one of", "'train'")),
            (("train",), ("DATA must be given",)),
            (("check", "nope.csv"), ("'DATA' must be a file or folder that exists", "nope.csv")),
            (("train", "karate", "--epoch", "3"), ("Unknown flag '--epoch'", "'--epochs'")),
            (("train", "nowhere/x.csv"), ("'DATA' must", "nowhere/x.csv")),
            (("train", "karate", "--seeds", "0"), ("'--seeds' must be at least 1",)),
            (("train", "karate", "--first-seed", "-1"), ("must be integers from 0", "-1")),
            (("train", "karate", "--epochs", "0"), ("'--epochs' must be at least 1",)),
            (("train", "cora"), ("The files of 'cora' could not be downloaded",)),
            (("train", "karate", "--smiles", "a"), ("'--smiles' must be left out",)),
            (("train", "karate", "--data-root", "none"), ("'--data-root' must be a folder",)),
            (("predict", "nowhere", "a.png"), ("'RUN' must be a run folder",)),
            (("report", "nowhere"), ("must be a run folder",)),
            (("check", "kratae"), ("'DATA' must", "karate")),
        ],
    )
    def test_mistakes_end_with_one_line(self, gnnvision, tmp_path, words, parts):
        refused(gnnvision(*words), *parts)
        assert not (tmp_path / "runs").exists()

    def test_a_misspelled_file_or_folder_is_suggested(self, gnnvision, molecules, photos):
        refused(gnnvision("check", "moll.csv"), "'DATA'", "Did you mean 'mol.csv'")
        photos.rename(photos.parent / "photos")
        refused(gnnvision("train", "photo"), "'DATA'", "Did you mean 'photos'")

    def test_the_newest_run_is_suggested(self, gnnvision, tmp_path):
        refused(
            gnnvision("predict", "runs/train/STAMP", "0"), "Name the folder of a finished run."
        )
        for _ in range(2):
            gnnvision("train", "karate", *FEW)
        newest = max((tmp_path / "runs" / "train").glob("*")).relative_to(tmp_path)
        for path in ("runs/train/STAMP", "runs/train", "runs"):
            refused(gnnvision("predict", path, "0"), "'RUN'", f"the newest one, '{newest}'")

    def test_seeds_are_shared_by_several_processes(self, gnnvision, tmp_path):
        few = ("karate", "--epochs", "2")
        assert gnnvision("train", *few, "--seeds", "3", "--out", "all").returncode == 0
        assert (
            gnnvision(
                "train", *few, "--seeds", "1", "--first-seed", "2", "--out", "last"
            ).returncode
            == 0
        )
        results = [json.loads(next(tmp_path.glob(f"{n}/train/*/result.json")).read_text())
                   for n in ("all", "last")]  # fmt: skip
        assert results[1]["seeds"] == [2]
        losses = [found["metrics"]["test"]["loss"]["values"] for found in results]
        assert losses[1] == losses[0][2:]

    def test_flags_with_underscores(self, gnnvision, tmp_path):
        assert gnnvision("train", "karate", *FEW, "--batch_size", "3").returncode == 2
        done = gnnvision("train", "karate", *FEW, "--data_root", tmp_path)
        assert done.returncode == 0, done.stderr

    def test_stopped_it_says_how_to_go_on_and_does(self, gnnvision, tmp_path, monkeypatch):
        with monkeypatch.context() as patch:
            stop = lambda *_: os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
            patch.setattr("gnnvision.training.progress.Reporter.epoch", stop)
            done = gnnvision("train", "karate", *FEW)
        assert done.returncode == 130
        run = the_run(tmp_path)
        again = f"gnnvision train --resume {run.relative_to(tmp_path)}"
        assert f"Resume it with: {again}" in done.stderr
        done = gnnvision("train", "--resume", run)
        assert done.returncode == 0, done.stderr
        assert (run / "result.json").is_file()
        refused(gnnvision("train", "--resume", run), "which is complete")
        other = gnnvision("train", "--resume", run, "--epochs", "5")
        refused(other, "'--epochs' must be 2 as in the run that is resumed")
