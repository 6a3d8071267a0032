import torch

from gnnvision.report.molecules_atoms import atom_attributions, attribute_atoms, attribution_color
from gnnvision.report.parts import Run

from .molecules import SMILES
from .rows import rows_of


def test_atoms_add_up_to_the_prediction(molecules_run, tmp_path):
    run = Run(molecules_run, tmp_path)
    chosen = molecules_run.task.split.test.tolist()
    found = attribute_atoms(run, chosen, 0)
    sums = torch.tensor([part.sum() for part in found.attributions])
    torch.testing.assert_close(found.output.float(), run.predictions[chosen, 0])
    assert float((found.baseline + sums - found.output).abs().max()) < 0.02
    assert "Atom attributions" in atom_attributions(run).title
    drawn = rows_of(tmp_path / "atoms.svg")
    assert {row["smiles"] for row in drawn} <= {SMILES[row] for row in chosen}


def test_colors_of_parts():
    assert attribution_color(0.0, 1.0)[3] == 0
    assert attribution_color(1.0, 1.0)[0] > attribution_color(1.0, 1.0)[2]  # orange
    assert attribution_color(-1.0, 1.0)[2] > attribution_color(-1.0, 1.0)[0]  # blue
    assert attribution_color(0.0, 0.0)[3] == 0
