"""The names of tests are the same in each worker process, whenever it starts."""

import ast
from pathlib import Path
from types import SimpleNamespace

from .conftest import SLOW

TESTS = Path(__file__).parent


def calls(name):
    """Every call of a function of this name in the tests, with its file."""
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", None) == name:
                yield path.relative_to(TESTS).as_posix(), node


def test_compressed_parameters_do_not_hold_the_time():
    # gzip writes the second of the call into its header, and a test is named after its bytes.
    compressed = [(path, node) for path, node in calls("compress") if node.func.value.id == "gzip"]
    assert len(compressed) > 5
    undated = [
        f"{p}:{n.lineno}" for p, n in compressed if "mtime" not in [k.arg for k in n.keywords]
    ]
    assert undated == []


def test_quick_leaves_out_the_slow_folders_and_no_other(request):
    assert all((TESTS / name).is_dir() for name in SLOW)
    plugin = request.config.pluginmanager.get_plugin(str(TESTS / "conftest.py"))
    quick = SimpleNamespace(option=SimpleNamespace(markexpr="not slow"))
    whole = SimpleNamespace(option=SimpleNamespace(markexpr=""))
    for folder in (path for path in TESTS.iterdir() if path.is_dir()):
        assert plugin.pytest_ignore_collect(folder, whole) is None
        ignored = plugin.pytest_ignore_collect(folder / "test_any.py", quick)
        assert bool(ignored) == (folder.name in SLOW), folder
    assert plugin.pytest_ignore_collect(TESTS.parent / "gnnvision" / "report", quick) is None
