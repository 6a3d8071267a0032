"""Graph convolution step by step: matrices, figures and exercises on one page, without training.

The page is a lesson of the documentation, which lies in docs/lessons of this checkout.

python experiments/graph_basics.py                                   write the page
python experiments/graph_basics.py --edges A-B B-C --smiles CCO      use your own graphs
python experiments/graph_basics.py --smiles CCO --steps              print the matrices only
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gnnvision as gv
from gnnvision import cli

DOCS = Path(__file__).resolve().parents[1] / "docs" / "lessons"
ABOUT = """How a graph becomes numbers, what a graph convolution computes from them, and how a
prediction is read from the result. The code that you see computed every number and figure."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The flags of this script.

    Args:
        edges: Undirected edges of the drawn graph, as A-B B-C. At most 12 nodes.
        smiles: SMILES of a molecule with at most 12 heavy atoms.
        out: Folder of all runs.
        steps: Print every matrix of the graph, or of the molecule, and write no page.
    """

    edges: tuple[str, ...] = ("A-B", "A-C", "B-C", "C-D")
    smiles: str = "NCC(=O)O"
    out: Path = Path("runs")
    steps: bool = False

    needs = ("report", "molecules")
    groups = {"graphs": ("edges", "smiles"), "output": ("out", "steps")}
    metavars = {"edges": "A-B", "smiles": "SMILES", "out": "FOLDER"}


def main(config: Config) -> None:
    """Print the matrices of a graph or a molecule, or write the page to a run folder."""
    graph = gv.basics.graph_from_edges(config.edges)
    molecule, x, columns = gv.basics.molecule_features(config.smiles)
    if config.steps:
        cli.refuse_unused(config, {"out": Path("runs")}, "with --steps")
        if config.smiles == Config.smiles or config.edges != Config.edges:
            print(gv.basics.graph_steps(graph, *gv.basics.node_features(graph)), end="\n\n")
        if config.edges == Config.edges or config.smiles != Config.smiles:
            print(gv.basics.graph_steps(molecule, x, columns), end="\n\n")
        return
    with cli.page("graph_basics", config) as page:
        started = time.perf_counter()
        with cli.report_progress() as progress:
            lessons = [DOCS / "graphs.md"]
            values = {"edges": list(config.edges), "smiles": config.smiles}
            texts = {"title": "Graph convolution step by step", "about": ABOUT}
            texts["command"] = page.command
            path = gv.report.write_lesson(page.folder, lessons, values, progress=progress, **texts)
        cli.print_report(path, report=time.perf_counter() - started)


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
