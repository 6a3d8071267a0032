"""Flags from a dataclass: their values, their errors, and their help."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

import gnnvision as gv
from gnnvision.cli.flags import flags_of, format_help, given_values

DOC = """Train something.

python script.py PHOTOS     the usual run
python script.py PHOTOS --long-name-of-a-flag VALUE --another-long-name-of-a-flag VALUE --last 3

It leaves a page.
"""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of several kinds.

    Args:
        folder: Where the images are,
            at 100 %.
        epochs: Passes over the data.
        size: Sizes.
        padding: A number or a name.
        model: The network.
        fast: Be quick.
        lr_head: Learning rate of the head.
        way: How.
    """

    folder: tuple[Path, ...]
    epochs: int | None = None
    size: tuple[int, ...] = (3, 4)
    padding: int | Literal["same", "full"] = "same"
    model: Literal["small_net", "large"] = "large"
    fast: bool = True
    lr_head: float = 0.5
    way: Literal["a long first way", "another long second way", "a third"] = "a third"

    groups = {"data": ("folder", "size"), "training": ("epochs",), "model": ()}
    own_group = "model"
    arguments = {"folder": "FOLDER"}
    metavars = {"lr_head": "RATE"}
    recipes = {"small": gv.Recipe(epochs=3), "large": gv.Recipe(epochs=5),
               "huge": gv.Recipe(epochs=3)}  # fmt: skip


def given(*words):
    return given_values(Config, words, DOC)


def test_values_of_each_kind():
    assert given("a", "b") == {"folder": (Path("a"), Path("b"))}
    assert given("--size", "1", "2", "--padding", "full", "--no-fast", "--lr-head=1e-3") == {
        "folder": (), "size": (1, 2), "padding": "full", "fast": False, "lr_head": 1e-3
    }  # fmt: skip
    assert given("--padding", "2", "a", "--epochs", "7")["padding"] == 2
    assert given("--size", "-1")["size"] == (-1,)
    assert given("--fast")["fast"] is True


def test_dashes_and_underscores():
    assert given("--lr_head", "1")["lr_head"] == 1
    assert given("--lr-head", "1")["lr_head"] == 1
    assert given("--no_fast")["fast"] is False
    assert given("--model", "small-net")["model"] == "small_net"
    assert given("a_b", "--model=small_net")["folder"] == (Path("a_b"),)


def test_inputs_before_and_after_flags():
    assert given("a", "--fast", "b")["folder"] == (Path("a"), Path("b"))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--epoch", "3"], "Unknown flag '--epoch'. Did you mean '--epochs'?"),
        (["--zzz=3"], "Unknown flag '--zzz'. See --help for all flags."),
        (["--epochs"], "'--epochs' must have a value, got none. See --help"),
        (["--epochs", "x"], "'--epochs' must be an integer, got 'x'."),
        (["--epochs", "1.5"], "'--epochs' must be an integer, got '1.5'."),
        (["--lr-head", "fast"], "'--lr-head' must be a number, got 'fast'."),
        (["--model", "smal_net"], "'--model' must be one of 'small_net', 'large', got 'smal_net'. "
         "Did you mean 'small_net'?"),
        (["--padding", "ful"], "'--padding' must be an integer or one of 'same', 'full', got"),
        (["--size", "9" * 5000], "'--size' must be an integer, got '999"),
        (["--fast=yes"], "Argument --fast/--no-fast: ignored explicit argument 'yes'."),
    ],
)  # fmt: skip
def test_errors_are_one_line(words, text):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        given(*words)
    assert str(caught.value).startswith(text)
    assert len(str(caught.value)) < 500


def test_arguments_that_are_missing_or_too_many():
    @dataclass
    class One:
        """One argument.

        Args:
            run: A run.
        """

        run: Path
        arguments = {"run": "RUN"}
        groups = {"input": ("run",)}

    with pytest.raises(ValueError, match=r"^RUN must be given\. See --help"):
        given_values(One, [], "")
    with pytest.raises(ValueError, match="Unexpected argument 'b'"):
        given_values(One, ["a", "b"], "")


def test_the_help(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.argv", ["script.py"])
    with pytest.raises(SystemExit, match="0"):
        given("--help")
    text = capsys.readouterr().out
    assert text == format_help(Config, DOC)
    assert text.startswith("usage: python script.py FOLDER ... [FLAGS]\n\nTrain something.\n")
    headings = [line for line in text.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == ["data:", "training:", "model:", "examples:"]
    plain = " ".join(text.split())
    assert "Where the images are, at 100 %." in plain
    assert (
        "--epochs INT Passes over the data. (default: 3 for small and huge; 5 for large)" in plain
    )
    assert "--size [INT ...] Sizes. (default: 3 4)" in plain
    assert "--fast, --no-fast Be quick. (default: on)" in plain
    assert "--lr-head RATE" in plain
    assert "--way NAME How. One of a long first way, another long second way, a third." in plain
    assert "None" not in text
    assert "  python script.py PHOTOS\n      the usual run\n" in text


@pytest.mark.parametrize("columns", ["80", "60"])
def test_the_help_fits_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.argv", ["script.py"])
    assert max(map(len, format_help(Config, DOC).splitlines())) <= int(columns)


def test_a_recipe_for_all_models_has_one_default():
    one = type("One", (Config,), {"recipes": {"a": gv.Recipe(epochs=3), "b": gv.Recipe(epochs=3)}})
    (epochs,) = (flag for flag in flags_of(one) if flag.name == "epochs")
    assert epochs.help() == "Passes over the data. (default: 3)"
