"""Predict properties of molecules with networks that were trained before.

python experiments/predict_molecules.py runs/gcn_molecules/STAMP new.csv --out predicted.csv

The output table has every row and column of the input table, in order, and for each target the
prediction and its uncertainty (the standard deviation over the networks of the seeds). Further
columns are the Tanimoto similarity to the nearest training molecule, that molecule, `status` and
`reason`. The section "Applicability domain" of the run's report shows how the error depends on
the similarity. Invalid SMILES are kept as rows with an error. An overview of the input is printed
first, on the standard error.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gnnvision as gv
from gnnvision import cli


@dataclass(frozen=True, kw_only=True)
class Config:
    """The flags of this script.

    Args:
        checkpoint: A run folder, its checkpoints folder, or a file in it.
        csv: Table of molecules.
        smiles: Its column of SMILES; by default the one named "smiles".
        out: File for the output table. By default it is printed.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; "auto" takes a GPU if there is one.
    """

    checkpoint: Path
    csv: Path
    smiles: str | None = None
    out: Path | None = None
    device: str = "cpu"

    arguments = {"checkpoint": "RUN", "csv": "TABLE"}
    groups = {"input": ("checkpoint", "csv", "smiles"), "output": ("out", "device")}
    metavars = {"smiles": "COLUMN", "out": "FILE", "device": "DEVICE"}


def main(config: Config) -> None:
    """Load the networks, read the table, and write it with the predictions."""
    run = gv.load_run(config.checkpoint, device=cli.usable_device(config.device))
    run.check_kind("molecule")
    cli.print_entries(run.describe(config.csv, smiles=config.smiles), sys.stderr)
    with cli.open_output(config.out) as file:
        blocks = run.stream(config.csv, smiles=config.smiles)
        done = gv.runs.write_predictions(blocks, file)
    for note in done.notes:
        print(note, file=sys.stderr)
    if done.failed:
        print(
            f"{done.failed} of {done.rows} rows have no prediction; see column 'reason'.",
            file=sys.stderr,
        )


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
