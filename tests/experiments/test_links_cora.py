"""`experiments/links_cora.py` as a user runs it."""

import json

from .conftest import folder


def test_a_run_leaves_a_report_and_new_links(inside, tmp_path):
    done = inside("links_cora", "--dataset", "karate", "--epochs", "3", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    left = folder(done, tmp_path)
    assert left.parent == tmp_path / "runs" / "links_cora"
    result = json.loads((left / "result.json").read_text())
    assert {"rocauc", "ap"} <= set(result["metrics"]["test"])
    assert (left / "report.html").is_file()
    assert done.stdout.count("not linked yet") == 5


def test_images_have_no_links(inside):
    done = inside("links_cora", "--dataset", "digits")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
