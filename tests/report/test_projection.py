"""The section of the maps before and after the network."""

from dataclasses import replace

import gnnvision as gv
from gnnvision.report.parts import Run
from gnnvision.report.projection import projection

from .conftest import trained


def test_the_page_of_a_run_on_huge_features(tmp_path):
    karate = gv.data.load("karate", dense=True)
    task = replace(karate, x=karate.x * 1e30)
    result = trained(task, tmp_path, 1, 3, model=gv.models.gcn(34, 8, 2, dropout=0.0))
    section = projection(Run(result, tmp_path))
    assert [figure.path.stem for figure in section.figures] == [
        "projection_input", "projection_hidden"
    ]  # fmt: skip
