"""Scripts as a user runs them: in a process of their own, or in this one, which is quicker."""

import contextlib
import importlib.util
import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..cli.checkpoints import of_molecules, of_nodes, of_pictures, picture

SCRIPTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture(autouse=True)
def signals():
    """Signals as in a terminal: a job in the background ignores some, and so would the scripts."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def process(tmp_path):
    """Run a script in an empty folder without a network; what it ends with."""

    def start(script, *flags, data_root=None, **options):
        environment = {k: v for k, v in os.environ.items() if k != "GNNVISION_DATA"}
        # No proxy, no download: an address that nothing answers.
        environment |= {"https_proxy": "http://127.0.0.1:9", "XDG_CACHE_HOME": str(tmp_path / "c")}
        if data_root is not None:
            environment["GNNVISION_DATA"] = str(data_root)
        return subprocess.run(
            [sys.executable, SCRIPTS / f"{script}.py", *map(str, flags)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            **options,
        )

    return start


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """Run a script in this process, in an empty folder; what it ends with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GNNVISION_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    def start(name, *flags):
        path = SCRIPTS / f"{name}.py"
        monkeypatch.setattr(sys, "argv", [str(path)])
        spec = importlib.util.spec_from_file_location(name, path)
        script = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, script)
        spec.loader.exec_module(script)
        with contextlib.redirect_stdout(io.StringIO()) as out, pytest.MonkeyPatch.context() as m:
            err = io.StringIO()
            m.setattr(sys, "stderr", err)
            code = 0
            try:
                script.start([str(flag) for flag in flags])
            except SystemExit as end:
                code = end.code
        return subprocess.CompletedProcess(flags, code, out.getvalue(), err.getvalue())

    return start


@pytest.fixture
def made(tmp_path):
    """Checkpoints of three kinds, and a picture."""
    of_pictures(tmp_path / "pictures")
    of_molecules(tmp_path / "molecules")
    of_nodes(tmp_path / "nodes")
    picture(tmp_path / "a.png")
    return tmp_path


def folder(done, tmp_path):
    """The run folder that a script named at its end."""
    return tmp_path / re.search(r"report: (.*)/report.html", done.stdout).group(1)


def one_line_error(done, *parts):
    """Exit code 2, no traceback, nothing beyond the error, which names what it should."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr.replace("\n", " "), done.stderr
