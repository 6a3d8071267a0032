import json
import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from gnnvision.report.index import update_index, write_index
from gnnvision.report.page import write_page
from gnnvision.report.runs import link, read_runs, run_folder_of, runs_root
from gnnvision.training import new_folder

STAMP = "2026-11-27_09-30-15"
RESULT = {
    "title": "Cora", "network": "GCN, 2 layers", "metric": "accuracy", "seeds": [0, 1],
    "metrics": {"test": {"accuracy": {"mean": 0.815, "std": 0.009, "values": [0.81, 0.82]}}},
}  # fmt: skip
REGION = "<!-- pages about this run -->", "<!-- end of pages about this run -->"

HUGE = {"mean": 0.5, "std": 10**400, "values": [0.5, 0.5]}  # no float is as large


def folder_of(root, experiment, stamp=STAMP, result=None, report=True, **config):
    folder = root / experiment / stamp
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"experiment": experiment, **config}))
    if result is not None:
        (folder / "result.json").write_text(json.dumps(result))
    if report:
        (folder / "report.html").write_text(f"before {REGION[0]}{REGION[1]} after")
    return folder


def links(text):
    return [unquote(address) for address in re.findall(r'<td[^>]*>.*?href="([^"]*)"', text)]


def test_a_root_is_two_folders_above_a_stamp_that_new_folder_made(tmp_path):
    folder = new_folder(tmp_path / "runs", "gcn_cora", {})
    assert runs_root(folder) == tmp_path / "runs"
    assert runs_root(folder.parent) is None
    chosen = tmp_path / "a" / "b"
    chosen.mkdir(parents=True)
    (chosen / "config.json").write_text("{}")
    assert runs_root(chosen) is None
    stamped = tmp_path / "a" / STAMP
    stamped.mkdir()
    assert runs_root(stamped) is None  # without a configuration


def test_every_run_is_a_row_with_its_main_metric(tmp_path):
    folder_of(tmp_path, "gcn_cora", result=RESULT)
    folder_of(
        tmp_path, "cnn", "2026-11-28_09-30-15", model="Net(\n...)", dataset="mnist", report=0
    )
    (tmp_path / "notes" / "of mine").mkdir(parents=True)
    first, second = read_runs(tmp_path)
    assert (first.network, first.title, first.is_complete) == ("Net", "mnist", False)
    assert (second.title, second.network, second.seeds) == ("Cora", "GCN, 2 layers", 2)
    assert (second.metric, second.test, second.is_complete) == ("accuracy", "81.5 ± 0.9 %", True)
    write_index(tmp_path)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<td>complete</td>" in text
    assert "<td>incomplete</td>" in text
    assert links(text) == [f"gcn_cora/{STAMP}/report.html"]


def test_runs_of_version_0_1(tmp_path):
    """These have neither `page.json` nor the network's name in `result.json`."""
    result = {key: RESULT[key] for key in ("title", "seeds", "metrics")}
    folder_of(tmp_path, "explain")
    folder_of(tmp_path, "gcn_cora", "2026-11-26_09-30-15", result, model="Sequential(...)")
    page, run = read_runs(tmp_path)
    assert (page.is_page, page.kind, page.is_complete) == (True, "Explanation", True)
    assert (run.network, run.test, run.is_complete) == ("", "81.5 ± 0.9 %", True)
    write_index(tmp_path)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert f'href="explain/{STAMP}/report.html">Explanation</a>' in text
    assert "incomplete" not in text


@pytest.mark.parametrize(
    "damaged",
    [
        "", "[]", "{", '{"seeds": 3}', '{"metrics": {"test": null}, "seeds": [1]}',
        json.dumps({"seeds": [0, 1], "metrics": {"test": {"accuracy": HUGE}}}),
    ],
)  # fmt: skip
def test_a_damaged_result_leaves_columns_empty(tmp_path, damaged):
    folder = folder_of(tmp_path, "gcn_cora", dataset="cora")
    (folder / "result.json").write_text(damaged)
    (run,) = read_runs(tmp_path)
    assert (run.title, run.test) == ("cora", "")
    write_index(tmp_path)


def test_an_undefined_result_is_shown_as_such(tmp_path):
    nothing = {"mean": None, "std": None, "values": [None, None]}
    folder_of(tmp_path, "x", result=RESULT | {"metrics": {"test": {"accuracy": nothing}}})
    assert read_runs(tmp_path)[0].test == "undefined"


def test_a_page_and_the_run_that_it_explains_link_to_each_other(tmp_path):
    root = tmp_path / "실행 결과"
    run = folder_of(root, "gcn_cora", result=RESULT)
    page = folder_of(root, "explain", "2026-11-28_10-00-00", report=False)
    write_page(page, "Explanations <1>", "About.", [], explains=run / "checkpoints")
    text = (page / "report.html").read_text(encoding="utf-8")
    assert f'About the run <a href="../../gcn_cora/{STAMP}/report.html">gcn_cora/{STAMP}' in text
    assert '<a href="../../index.html">All runs</a> · Explanation ·' in text
    report = (run / "report.html").read_text(encoding="utf-8")
    address = "../../explain/2026-11-28_10-00-00/report.html"
    assert f'<a href="{address}">Explanation, 2026-11-28 10:00</a>' in report
    assert report.startswith("before <!--")
    assert report.endswith("--> after")
    assert os.path.exists(run / address)
    index = (root / "index.html").read_text(encoding="utf-8")
    assert links(index) == [f"gcn_cora/{STAMP}/report.html"]
    assert ">Explanation</a>" in index  # in the row of its run
    assert "Other pages" not in index
    root.rename(tmp_path / "moved")
    moved = read_runs(tmp_path / "moved")
    assert {entry.explains for entry in moved} == {None, tmp_path / "moved" / "gcn_cora" / STAMP}


def test_a_page_about_a_run_elsewhere_or_about_none_is_listed_by_itself(tmp_path):
    run = folder_of(tmp_path / "a b", "gcn_cora", result=RESULT)
    root = tmp_path / "runs"
    page = folder_of(root, "feature_maps", report=False)
    write_page(page, "Feature maps", "", [], explains=run)
    other = folder_of(root, "explain", report=False)
    write_page(other, "ImageNet", "", [], explains="torchvision:resnet18")
    index = (root / "index.html").read_text(encoding="utf-8")
    assert f'<a href="../a%20b/gcn_cora/{STAMP}/report.html">gcn_cora/{STAMP}</a>' in index
    assert "<td>ImageNet</td>" in index
    assert "feature_maps" in (run / "report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "a b" / "index.html").exists()


def test_a_page_in_a_folder_of_the_callers_choice_has_no_index(tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    write_page(folder, "A page", "", [])
    assert not list(tmp_path.rglob("index.html"))
    assert "All runs" not in (folder / "report.html").read_text()


def test_an_index_of_somebody_else_is_left_alone(tmp_path):
    folder = folder_of(tmp_path, "gcn_cora", result=RESULT)
    (tmp_path / "index.html").write_text("mine")
    update_index(folder)
    assert (tmp_path / "index.html").read_text() == "mine"


def test_an_index_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    def refuse(path, content, **options):
        raise OSError("read-only")

    monkeypatch.setattr("gnnvision.report.index.replace_file", refuse)
    update_index(folder_of(tmp_path, "gcn_cora", result=RESULT))
    assert not (tmp_path / "index.html").exists()


def test_a_run_that_ends_while_the_index_is_written_is_in_it(tmp_path, monkeypatch):
    from gnnvision.report import index

    def replace_late(path, content):
        if not (tmp_path / "late").exists():
            folder_of(tmp_path, "late", result=RESULT)
        Path(path).write_bytes(content)

    monkeypatch.setattr(index, "replace_file", replace_late)
    write_index(folder_of(tmp_path, "gcn_cora", result=RESULT).parents[1])
    assert "late" in (tmp_path / "index.html").read_text()


def test_what_is_a_run(tmp_path):
    run = folder_of(tmp_path, "gcn_cora", result=RESULT)
    (run / "checkpoints" / "best.safetensors").touch()
    for place in (run, run / "checkpoints", run / "checkpoints" / "best.safetensors"):
        assert run_folder_of(place) == run
    assert run_folder_of(tmp_path) is None
    assert run_folder_of("torchvision:resnet18") is None


def test_links_are_quoted(tmp_path):
    assert link(tmp_path / "고양이 #1", tmp_path / "x") == "../%EA%B3%A0%EC%96%91%EC%9D%B4%20%231"
