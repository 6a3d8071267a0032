"""The command `gnnvision graph`: what it prints, and how mistakes end."""

from pathlib import Path

import pytest

from gnnvision.cli import command


def run(*words):
    """The exit code of the command."""
    try:
        command.main([str(word) for word in words])
    except SystemExit as end:
        return end.code
    return 0


@pytest.fixture
def tables(tmp_path: Path):
    rows = [f"p{n},{'ab'[n % 2]},{n}.5\n" for n in range(30)]
    (tmp_path / "nodes.csv").write_text("id,topic,f\n" + "".join(rows))
    links = [f"p{n},p{(n + 2) % 30}\n" for n in range(30)]
    (tmp_path / "edges.csv").write_text("source,target\n" + "".join(links))
    return tmp_path


def test_build_and_check(tables, capsys):
    files = tables / "edges.csv", tables / "nodes.csv", tables / "out"
    assert run("graph", "build", *files, "--label", "topic") == 0
    printed = " ".join(capsys.readouterr().out.split())  # lines break where paths are long
    assert "id 'id', label 'topic'" in printed
    assert "30 nodes, 30 edges" in printed
    assert run("graph", "build", *files, "--label", "topic") == 0
    assert "has this graph already" in capsys.readouterr().out
    assert run("graph", "check", files[-1]) == 0
    assert "30 nodes, 60 directed edges; 9 files have the right" in capsys.readouterr().out
    assert run("check", files[-1]) == 0
    assert "not computed for a graph on disk" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["build", "edges.csv"], "'FILE' must be two or three paths, got 1 of them"),
        (["build", "edges.csv", "nodes.csv", "out"], "'--label' must name one of the columns"),
        (["build", "edges.csv", "nodes.csv", "out", "--label", "topik"], "Did you mean"),
        (["build", "edges.csv", "nodes.csv", "out", "--memory", "0"], "'--memory' must be"),
        (["build", "edges.csv", "none.csv", "out"], "none.csv"),
        (["check", "out"], "be a folder that exists"),
        (["check"], "'FILE' must be one folder, got 0 paths"),
    ],
)
def test_mistakes_end_with_one_sentence(tables, words, match, capsys, monkeypatch):
    monkeypatch.chdir(tables)
    assert run("graph", *words) == 2
    error = capsys.readouterr().err
    assert match in error
    assert error.count("\n") == 1
