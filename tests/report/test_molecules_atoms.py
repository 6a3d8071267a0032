import torch

from gnnvision.report.molecules_atoms import atoms, explained, heat
from gnnvision.report.parts import Run

from .molecules import SMILES
from .rows import rows_of


def test_atoms_add_up_to_the_prediction(molecules_run, tmp_path):
    run = Run(molecules_run, tmp_path)
    chosen = molecules_run.task.split.test.tolist()
    found = explained(run, chosen, 0)
    sums = torch.tensor([part.sum() for part in found.parts])
    torch.testing.assert_close(found.output.float(), run.predictions[chosen, 0])
    assert float((found.baseline + sums - found.output).abs().max()) < 0.02
    assert "What the atoms add" in atoms(run).title
    drawn = rows_of(tmp_path / "atoms.png")
    assert {row["smiles"] for row in drawn} <= {SMILES[row] for row in chosen}


def test_colors_of_parts():
    assert heat(0.0, 1.0) == (1, 1, 1)
    assert heat(1.0, 1.0)[0] > heat(1.0, 1.0)[2]  # orange
    assert heat(-1.0, 1.0)[2] > heat(-1.0, 1.0)[0]  # blue
    assert heat(0.0, 0.0) == (1, 1, 1)
