"""Small runs on molecules for the report's tests."""

import csv

import gnnvision as gv

SMILES = (
    "C", "CC", "CCC", "CCCC", "CCO", "CCCO", "CC(=O)C", "CC(=O)O", "c1ccccc1", "Cc1ccccc1",
    "Oc1ccccc1", "Nc1ccccc1", "Clc1ccccc1", "CCN", "CCCN", "CC#N", "C=CC=O", "CC(=O)N",
    "OCC(O)CO", "ClCCl", "BrCCBr", "CCCCCC", "CCCCCCO", "c1ccncc1", "c1ccsc1", "O=C=O", "CSC",
    "CC(C)C", "CC(C)O", "COC", "CCOCC", "FC(F)F",
)  # fmt: skip
BROKEN = ("C1CC(", "CN(C)(C)(C)C", "", "C(C)(C)(C)(C)C")


def write_table(path, targets, broken=BROKEN):
    """A table of all molecules and some that are none; targets are functions of a SMILES."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "smiles", *targets])
        for number, text in enumerate((*SMILES, *broken)):
            writer.writerow([f"no {number}", text, *(f(text) for f in targets.values())])
    return path


def molecule_run(folder, targets, **recipe):
    """A quick run of two seeds in `folder`."""
    table = write_table(folder / "table.csv", targets)
    task = gv.data.load(table, smiles="smiles", targets=tuple(targets), on_invalid="skip")
    model = gv.models.build(
        "molecule_gcn", in_channels=task.in_channels, num_outputs=task.num_outputs,
        hidden_channels=16,
    )  # fmt: skip
    settings = gv.Recipe(**{"epochs": 12, "lr": 1e-2, "batch_size": 16} | recipe)
    run = folder / "run"
    return gv.fit(model, task, settings, seeds=2, folder=run, progress=False)
