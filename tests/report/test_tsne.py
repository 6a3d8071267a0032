"""The maps of another process equal those of this one, which takes over when it fails."""

import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.manifold import TSNE  # noqa: F401  small tables are then mapped in this process

import gnnvision as gv
from gnnvision.report import start_maps
from gnnvision.report import tsne as module
from gnnvision.report.draw import _STARTED
from gnnvision.report.embedding import _sample, _table
from gnnvision.report.tsne import Maps, map_table


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(module, "_cores", lambda: 2)


def clusters(count=410, groups=6, width=60):
    rng = np.random.default_rng(0)
    y = np.arange(count) % groups
    rows = 4 * rng.normal(size=(groups, width))[y] + rng.normal(size=(count, width))
    return rows.astype(np.float32), y


def test_a_map_keeps_clusters_apart():
    rows, y = clusters()
    places, agreement = map_table(rows, y)
    assert agreement == 1
    distances = np.square(places[:, None] - places[None]).sum(2)
    np.fill_diagonal(distances, np.inf)
    assert (y[distances.argsort(1)[:, :5]] == y[:, None]).mean() > 0.99


def test_the_share_of_neighbors_counts_only_rows_with_a_label():
    rows, y = clusters(60)
    y[7:] = -100
    assert map_table(rows, y)[1] == pytest.approx(1 / 21)  # rows 0 and 6 of seven
    y[1:] = -100
    assert np.isnan(map_table(rows, y)[1])


@pytest.mark.parametrize("shape", [(8, 2), (2, 5), (40, 3)])
def test_small_and_repeated_rows_have_a_map(shape):
    rows = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    labels = np.zeros(shape[0], dtype=np.int64)
    assert np.isfinite(map_table(rows, labels)[0]).all()
    assert np.isfinite(map_table(np.repeat(rows[:2], 30, axis=0), labels.repeat(30)[:60])[0]).all()


def test_another_process_makes_the_same_maps():
    tables = [clusters(), clusters(160, 3)]
    maps = Maps()
    for table in tables:
        maps.add(*table)
    process, folder = maps._process, maps._folder
    for table in reversed(tables):
        places, agreement = maps.result(*table)
        expected = map_table(*table)
        np.testing.assert_array_equal(places, expected[0])
        assert agreement == expected[1]
    assert maps._ready == maps._given
    maps.stop()
    assert process.returncode is not None
    assert not folder.exists()
    maps.stop()


@pytest.mark.parametrize("failure", ["start", "end", "one core"])
def test_without_another_process_this_one_makes_them(monkeypatch, failure):
    if failure == "start":
        monkeypatch.setattr(module.sys, "executable", "/nowhere/python")
    if failure == "one core":
        monkeypatch.setattr(module, "_cores", lambda: 1)
    rows, y = clusters()
    monkeypatch.setattr(module, "map_table", lambda table, labels: (table[:, :2], 0.5))
    maps = Maps()
    maps.add(rows, y)
    if failure == "end":
        maps._process.kill()
    else:
        assert maps._process is None
    places, agreement = maps.result(rows, y)
    np.testing.assert_array_equal(places, rows[:, :2])
    assert agreement == 0.5


def test_interrupted_training_leaves_no_process():
    task = gv.data.load("karate")

    def interrupted():
        with start_maps(task):
            started.append(_STARTED.get())
            running.append(started[0]._process)
            assert running[0].poll() is None
            raise KeyboardInterrupt

    started, running = [], []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    process, folder = running[0], started[0]._folder
    assert process.returncode is not None
    assert not folder.exists()
    assert _STARTED.get() is None


def test_no_process_for_a_report_without_maps():
    task = gv.data.load("karate")
    numbers = task.y.double()[:, None]
    with start_maps(replace(task, kind="regression", num_outputs=1, y=numbers)):
        assert _STARTED.get() is None


def test_the_map_begun_early_is_the_one_in_the_report():
    task = gv.data.load("karate", dense=True)
    items = _sample(len(task.y))
    with start_maps(task):
        maps = _STARTED.get()
        maps.result(_table(task.x, items), task.y.numpy())
        assert len(maps._ready) == len(maps._given) == 1


def test_the_process_ends_with_a_parent_that_cannot_end_it(tmp_path):
    code = "import time; from gnnvision.report.tsne import Maps; maps = Maps(); maps.start()"
    code = f"import gnnvision.report.tsne as m; m._cores = lambda: 2\n{code}"
    code += "\nprint(maps._folder, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    folder = parent.stdout.readline().strip()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while module.Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not module.Path(folder).exists()


def test_a_table_for_which_the_disk_has_no_room_leaves_nothing_on_it(monkeypatch):
    """The run itself may be on the same disk."""
    maps = Maps()
    maps.start()

    def full(path, **arrays):
        path.write_bytes(b"a part")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    rows, y = clusters()
    maps.add(rows, y)
    assert not list(maps._folder.iterdir())
    assert maps.result(rows[:30], y[:30])[0].shape == (30, 2)
    maps.stop()
