"""Predict with a trained network, as a table: a row for each input, in order.

gnnvision predict runs/train/STAMP photo1.jpg FOLDER         images
gnnvision predict runs/train/STAMP new.csv --output out.csv  molecules of a table
gnnvision predict runs/train/STAMP CCO c1ccccc1              molecules
gnnvision predict runs/train/STAMP                           all nodes of the graph
gnnvision predict runs/train/STAMP paper-17 paper-23         some nodes, by their ids
gnnvision predict runs/train/STAMP --nodes new.csv --edges new_edges.csv   new nodes

The columns are the ids or the user's own columns, the predictions with probabilities or
uncertainties, a status and a reason. An input that cannot be read keeps its row, with the reason.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

__all__ = ["PredictFlags", "flags", "main"]


@dataclass(frozen=True, kw_only=True)
class PredictFlags:
    """The flags of `gnnvision predict`.

    Args:
        run: A run folder, or a checkpoint.
        inputs: Image files or folders; a table of molecules, or SMILES; ids of nodes or graphs.
            By default all nodes or graphs of the run.
        nodes: A table of new nodes.
        edges: The table of their edges, to each other and to nodes of the run.
        smiles: The column of SMILES of a table.
        output: File for the table. By default it is printed.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; "auto" takes a GPU if there is one.
    """

    run: Path
    inputs: tuple[str, ...] = ()
    nodes: Path | None = None
    edges: Path | None = None
    smiles: str | None = None
    output: Path | None = None
    device: str = "auto"

    arguments: ClassVar[dict[str, str]] = {"run": "RUN", "inputs": "INPUT"}
    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "input": ("run", "inputs", "nodes", "edges", "smiles"),
        "output": ("output", "device"),
    }
    metavars: ClassVar[dict[str, str]] = {
        "nodes": "TABLE", "edges": "TABLE", "smiles": "COLUMN", "output": "FILE",
        "device": "DEVICE",
    }  # fmt: skip
    former: ClassVar[dict[str, str]] = {"out_file": "output", "out": "output"}

    def flag_of(self, argument: str, room: str) -> str | None:
        """The flag that an argument of the package comes from; None if none does."""
        known = {"nodes": "--nodes", "edges": "--edges", "smiles": "--smiles"}
        known |= self.arguments | {"checkpoint": "RUN", "input": "INPUT", "csv": "INPUT"}
        return known.get(argument)


def flags() -> type[Any]:
    """The dataclass of the flags."""
    return PredictFlags


def main(config: PredictFlags) -> None:
    """Load the run, and write a row for each input."""
    from gnnvision.cli.devices import usable_device
    from gnnvision.cli.output import open_output, print_entries
    from gnnvision.runs import load_run, write_predictions

    run = load_run(config.run, device=usable_device(config.device))
    options = {"nodes": config.nodes, "edges": config.edges, "smiles": config.smiles}
    inputs: Any = list(config.inputs) or None
    if run.kind == "molecule" and len(config.inputs) == 1 and Path(config.inputs[0]).is_file():
        inputs = Path(config.inputs[0])
    elif run.kind == "image" and inputs is not None:
        inputs = [Path(one) for one in config.inputs]
    if inputs is None and run.kind in ("image", "molecule"):
        raise ValueError(f"INPUT must be given for a run on {run.kind}s. See --help for examples.")
    print_entries(run.describe(inputs, **options), sys.stderr)
    with open_output(config.output, "--output") as file:
        done = write_predictions(run.stream(inputs, **options), file)
    for note in done.notes:
        print(note, file=sys.stderr)
    if done.failed:
        text = f"{done.failed:,} of {done.rows:,} rows have no prediction; see column 'reason'."
        print(text, file=sys.stderr)
    if config.output is not None:
        print(f"{done.rows:,} rows: {config.output}")
