"""The command `gnnvision`: check data, train on them, predict, explain and report.

gnnvision check nodes.csv --edges edges.csv --label topic   what is there, before anyone trains
gnnvision train nodes.csv --edges edges.csv --label topic   a graph of your own
gnnvision train PHOTOS                                      a folder with a folder for each class
gnnvision train molecules.csv --target solubility           a table with a column of SMILES
gnnvision train cora                                        a dataset by its name
gnnvision predict runs/train/STAMP --output predicted.csv   nodes that have no label
gnnvision predict runs/train/STAMP new.csv                  molecules, images or nodes
gnnvision explain runs/train/STAMP 1708                     what a prediction depends on
gnnvision evaluate runs/train/STAMP                         its metrics once more, from the files
gnnvision sweep cora --vary lr=1e-4..1e-1 hidden=16,32      the best of many settings
gnnvision compare runs/train/STAMP1 runs/train/STAMP2       runs side by side on one page
gnnvision report runs/train/STAMP                           write its report again
gnnvision graph build edges.csv nodes.csv OUT               a graph that does not fit in memory
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from gnnvision._version import __version__
from gnnvision.cli.entry import end_with_error, run
from gnnvision.errors import one_of

__all__ = ["VERBS", "main"]

VERBS = {
    "check": "print what is in data, and what is wrong with it, before anyone trains",
    "train": "train a network on data, and write a report",
    "predict": "predict with a trained network, as a table",
    "explain": "show what predictions depend on",
    "evaluate": "evaluate a saved network again, on the data of its run",
    "sweep": "search for good settings over many trials, on one machine or many",
    "compare": "show training runs side by side on one page",
    "report": "write the report of a run again",
    "graph": "build a graph on disk that does not fit in memory, or check one",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with its arguments, or with `argv`.

    Raises:
        SystemExit: with code 2 after a user error, 130 after Ctrl-C.
    """
    verb, *rest = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if verb in ("-h", "--help", "help"):
        print(_help())
    elif verb in ("-V", "--version"):
        print(f"gnnvision {__version__}")
    elif verb == "--doctor":
        from gnnvision.cli.doctor import environment_lines

        print("\n".join(environment_lines()))
    elif verb not in VERBS:
        try:
            one_of("command", verb, tuple(VERBS))
        except ValueError as error:
            end_with_error(str(error))
    else:
        module = import_module(f"gnnvision.cli.command_{verb}")
        run(module.flags(), module.main, rest, verb=verb, doc=module.__doc__)


def _help() -> str:
    about, _, examples = (__doc__ or "").partition("\n\n")
    verbs = "\n".join(f"  {verb:<10}{text}" for verb, text in VERBS.items())
    examples = "\n".join(f"  {line}" for line in examples.strip().splitlines())
    return (
        f"usage: gnnvision {{{','.join(VERBS)}}} ...\n\n{about}\n\ncommands:\n{verbs}\n\n"
        f"examples:\n{examples}\n\n"
        "gnnvision COMMAND --help   the flags of a command\n"
        "gnnvision --version        the version\n"
        "gnnvision --doctor         versions and devices, for a report of a problem"
    )
