"""How runs end that were killed, stopped or could not write their page, and how they resume."""

import json
import os
import signal
import sys
import threading

import pytest
from rich.console import Console

from gnnvision import data
from gnnvision.cli import entry
from gnnvision.training import Result, checkpoint, loop
from gnnvision.training.lock import in_use
from gnnvision.training.record import BEST

from .conftest import one_line_error

QUICK = ("--dataset", "karate", "--epochs", "3", "--seeds", "2")


@pytest.fixture(autouse=True)
def page(monkeypatch):
    """A report that takes no time; what may happen while it is drawn."""
    meanwhile = []

    def write(result, progress=None):
        for happen in meanwhile:
            happen()
        path = result.folder / "report.html"
        path.write_text(result.summary())
        return path

    monkeypatch.setattr(Result, "report", write)
    return meanwhile


def the_run(tmp_path, script="gcn_cora"):
    (found,) = (tmp_path / "runs" / script).iterdir()
    return found


def failing(error):
    def happen():
        raise error

    return happen


class TestTheReport:
    def test_one_that_was_killed_is_drawn_by_resume(self, inside, tmp_path):
        whole = inside("gcn_cora", *QUICK)
        run = the_run(tmp_path)
        text = (run / "report.html").read_text()
        (run / "report.html").unlink()  # as if killed before it was there
        before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
        done = inside("gcn_cora", "--resume", run)
        assert done.returncode == 0, done.stderr
        assert "\n".join(done.stdout.splitlines()[:-1]) in whole.stdout  # the summary
        assert (run / "report.html").read_text() == text
        assert all(path.read_bytes() == held for path, held in before.items())
        again = inside("gcn_cora", "--resume", run)
        one_line_error(again, "which is complete. See", "report.html, or start a new run")

    @pytest.mark.parametrize("content", ["", "{", "null", '{"a": 1'])
    def test_a_damaged_result_beside_it_is_written_anew(self, inside, tmp_path, content):
        """It was called complete, and stayed as it was."""
        assert inside("gcn_cora", *QUICK).returncode == 0
        run = the_run(tmp_path)
        whole = json.loads((run / "result.json").read_text())
        (run / "result.json").write_text(content)
        done = inside("gcn_cora", "--resume", run)
        assert done.returncode == 0, done.stderr
        assert "train loss" not in done.stdout  # nothing was trained again
        assert json.loads((run / "result.json").read_text()) == whole
        assert "complete" in inside("gcn_cora", "--resume", run).stderr

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (OSError(28, "No space left on device", "x.png"), "No space left on device"),
            (ValueError("'shape' must fit, got 3. Look."), "'shape' must fit"),
            (MemoryError(), "not enough memory"),
            (PermissionError(13, "Permission denied", "a"), "Permission denied"),
        ],
    )
    def test_one_that_fails_leaves_the_result(self, inside, tmp_path, page, error, reason):
        page.append(failing(error))
        done = inside("gcn_cora", *QUICK)
        run = the_run(tmp_path)
        one_line_error(
            done, "is complete and saved in", "its report could not be written", reason,
            f"--resume {run.relative_to(tmp_path)}",
        )  # fmt: skip
        assert "accuracy" in done.stdout  # the summary comes first
        assert (run / "result.json").is_file()
        assert (run / BEST).is_file()
        page.clear()
        assert inside("gcn_cora", "--resume", run).returncode == 0
        assert (run / "report.html").is_file()

    def test_a_fault_of_the_program_keeps_its_traceback(self, inside, tmp_path, page):
        page.append(failing(KeyError("y")))
        with pytest.raises(KeyError):
            inside("gcn_cora", *QUICK)
        assert (the_run(tmp_path) / "result.json").is_file()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_stopped_while_it_is_drawn(self, inside, tmp_path, page, number):
        page.append(lambda: os.kill(os.getpid(), number))
        done = inside("gcn_cora", *QUICK)
        assert done.returncode == 130
        assert "is complete and saved in" in done.stderr
        assert "Write it with: python" in done.stderr
        page.clear()
        assert inside("gcn_cora", "--resume", the_run(tmp_path)).returncode == 0


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_the_first_request_saves_and_says_how_to_go_on(
        self, inside, tmp_path, monkeypatch, number
    ):
        with monkeypatch.context() as patch:
            patch.setattr(loop.Reporter, "epoch", lambda *_: os.kill(os.getpid(), number))
            done = inside("gcn_cora", *QUICK)
        run = the_run(tmp_path)
        assert done.returncode == 130
        assert (
            "Stopped at seeds 0, 1, epoch 1. Everything is saved. Resume it with: " in done.stderr
        )
        assert f"--resume {run.relative_to(tmp_path)}" in done.stderr
        assert inside("gcn_cora", "--resume", run).returncode == 0

    def stopped_twice(self, inside, monkeypatch, saving):
        """Ctrl-C twice in the third epoch of the first seed."""
        calls = []

        def stop(*_):
            calls.append(0)
            if len(calls) == 3:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)

        with monkeypatch.context() as patch:
            patch.setattr(loop.Reporter, "epoch", stop)
            return inside("gcn_cora", *QUICK, "--save-every", "0" if saving else "1e9")

    def test_a_second_one_says_what_is_saved(self, inside, tmp_path, monkeypatch):
        done = self.stopped_twice(inside, monkeypatch, saving=True)
        assert done.returncode == 130
        assert (
            "Stopped immediately at seeds 0, 1, epoch 2. The last checkpoint is of seed"
            in done.stderr
        )
        assert "Resume it with: python" in done.stderr
        assert inside("gcn_cora", "--resume", the_run(tmp_path)).returncode == 0

    def test_or_that_nothing_is(self, inside, tmp_path, monkeypatch):
        done = self.stopped_twice(inside, monkeypatch, saving=False)
        assert done.returncode == 130
        assert "Stopped immediately at seeds 0, 1, epoch 2. Nothing was saved." in done.stderr
        assert "Resume it" not in done.stderr
        assert not (tmp_path / "runs").exists()


class TestFolders:
    @pytest.mark.filterwarnings("default")
    def test_killed_before_the_first_checkpoint_it_starts_over(self, inside, tmp_path):
        inside("gcn_cora", *QUICK)
        run = the_run(tmp_path)
        figures = json.loads((run / "result.json").read_text())["metrics"]
        for path in (*run.glob("checkpoints/*"), *run.glob("*")):
            if path.is_file() and path.name != "config.json":
                path.unlink()
        done = inside("gcn_cora", "--resume", run)
        assert done.returncode == 0, done.stderr
        assert "stopped before its first checkpoint: it starts over" in done.stderr
        assert json.loads((run / "result.json").read_text())["metrics"] == figures

    def test_weights_that_were_never_written(self, inside, tmp_path):
        inside("gcn_cora", *QUICK)
        run = the_run(tmp_path)
        (run / "report.html").unlink()
        (run / BEST).unlink()
        one_line_error(inside("gcn_cora", "--resume", run), "but only partly saved")

    def test_a_full_disk_says_where_everything_is(self, inside, tmp_path, monkeypatch):
        def full(*_):
            raise checkpoint.SafetensorError("No space left on device")

        monkeypatch.setattr(checkpoint, "save_file", full)
        done = inside("gcn_cora", *QUICK)
        one_line_error(
            done, "'checkpoints/best.safetensors'", "No space left on device",
            "Saved there: result.json, metrics.csv",
        )  # fmt: skip
        assert "accuracy" in done.stdout

    def test_in_use(self, inside, tmp_path):
        inside("gcn_cora", *QUICK)
        run = the_run(tmp_path)
        (run / "report.html").unlink()
        entered, leave = threading.Event(), threading.Event()

        def hold():
            with in_use(run):
                entered.set()
                leave.wait(60)

        thread = threading.Thread(target=hold)
        thread.start()
        entered.wait(60)
        done = inside("gcn_cora", "--resume", run)
        leave.set()
        thread.join()
        one_line_error(done, "'folder' must not be in use by another run", str(run))

    @pytest.mark.parametrize(
        ("script", "flags"),
        [
            ("gcn_cora", ("--dataset", "coar")),
            ("gcn_cora", ("--dataset", "karate", "--lr", "1e30")),
            ("transfer_cats_dogs", ("--backbone", "resnet1818")),
            ("transfer_cats_dogs", ("--data", "nowhere", "--weights", "none.pth")),
            ("transfer_molecules", ("--dataset", "bioactivity", "--weights", "nowhere")),
            ("explain", ("nowhere", "a.png")),
            ("convolution_basics", ("--photo", "nowhere.png")),
        ],
    )
    def test_a_mistake_leaves_no_folder(self, inside, tmp_path, script, flags):
        one_line_error(inside(script, *flags))
        assert not (tmp_path / "runs").exists()

    def test_but_the_users_own_one_stays(self, inside, tmp_path):
        (tmp_path / "runs").mkdir()
        one_line_error(inside("gcn_cora", "--dataset", "karate", "--lr", "1e30"))
        assert (tmp_path / "runs").is_dir()
        assert not list((tmp_path / "runs").iterdir())


class TestResumeOfAnother:
    def test_script(self, inside, tmp_path):
        inside("gcn_cora", *QUICK)
        run = the_run(tmp_path)
        for script in ("cnn_fashion", "cnn_mnist", "gcn_molecules"):
            done = inside(script, "--resume", run)
            one_line_error(done, f"must name a run of {script}.py", "a run of gcn_cora.py")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"flags": None}, "must contain the flags of a run"),
            ({"flags": {"seeds": "many"}}, "got seeds='many'"),
            ({"flags": {"model": "lenet5"}}, "got model='lenet5'"),
            ({"flags": {"lr": True}}, "got lr=True"),
            ({"flags": {"out": 3}}, "got out=3"),
            ({"script": 7}, "a run of another program"),
        ],
    )
    def test_damaged_flags(self, inside, tmp_path, change, said):
        inside("gcn_cora", *QUICK)
        file = the_run(tmp_path) / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
        one_line_error(inside("gcn_cora", "--resume", file.parent), said)

    @pytest.mark.parametrize("text", ["[", "3", "[" * 100_000, "\ud800"])
    def test_no_flags_at_all(self, inside, tmp_path, text):
        (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogatepass"))
        one_line_error(inside("gcn_cora", "--resume", tmp_path), "'config.json' must")

    def test_a_pipe_for_a_configuration(self, inside, tmp_path):
        os.mkfifo(tmp_path / "config.json")
        one_line_error(inside("gcn_cora", "--resume", tmp_path), "which is a named pipe")


@pytest.mark.parametrize(
    ("script", "names", "said"),
    [
        ("gcn_cora", ("esol", "hiv", "mutag", "cifar10", "digits"), "one graph with node labels"),
        ("cnn_cifar", ("cora", "tox21", "proteins"), "must be a dataset of images"),
        ("cnn_fashion", ("karate", "esol"), "must be a dataset of images"),
        ("cnn_mnist", ("karate",), "must be a dataset of images"),
        ("autoencoder", ("karate", "mutag"), "must be a dataset of images"),
        (
            "gcn_molecules",
            ("karate", "digits", "fashion_mnist"),
            "must be a dataset of molecules or graphs",
        ),
        ("transfer_molecules", ("cora", "digits"), "must be a dataset of molecules"),
    ],
)
def test_a_data_set_of_another_kind(inside, tmp_path, monkeypatch, script, names, said):
    monkeypatch.setattr(data, "load", failing(AssertionError("nothing is to be read")))
    for name in names:
        one_line_error(inside(script, "--dataset", name), said, repr(name))
    assert not (tmp_path / "runs").exists()


def test_a_terminal_that_was_closed(tmp_path, monkeypatch, capsys):
    class Closed:
        encoding = "utf-8"

        def write(self, text):
            raise OSError(5, "Input/output error")

        def flush(self):
            raise OSError(5, "Input/output error")

        def isatty(self):
            return False

    reporter = loop.Reporter(True, 1, 2)
    reporter.console = Console(file=Closed())
    with reporter:
        reporter.epoch(0, 0, {"epoch": 1, "train_loss": 0.5})
        reporter.epoch(0, 0, {"epoch": 2, "train_loss": 0.5})
    assert not reporter.shown
    monkeypatch.setattr(sys, "stderr", Closed())
    with pytest.raises(SystemExit, match="2"):
        entry._exit(2, "words that nobody reads")
