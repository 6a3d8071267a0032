import re

import pytest

from gnnvision.report import write_report
from gnnvision.report.molecules_alike import alike
from gnnvision.report.molecules_atoms import atoms
from gnnvision.report.molecules_extremes import extremes
from gnnvision.report.molecules_matrices import matrices
from gnnvision.report.molecules_rows import rows
from gnnvision.report.parts import Run

SECTIONS = (alike, atoms, extremes, matrices, rows)


def test_graphs_and_pictures_have_none_of_these(karate_run, pictures_run, tmp_path):
    for result in (karate_run[0], pictures_run):
        assert [make(Run(result, tmp_path)) for make in SECTIONS] == [None] * len(SECTIONS)


@pytest.mark.parametrize("name", ["molecules_run", "answers_run"])
def test_the_page(name, request):
    result = request.getfixturevalue(name)
    path = write_report(result, "python run.py")
    page = path.read_text(encoding="utf-8")
    titles = re.findall(r"<h2>([^<]*)</h2>", page)
    wanted = "Predicted against measured" if name == "molecules_run" else "How well the answers"
    assert any(title.startswith(wanted) for title in titles)
    assert "The rows of the table" in titles
    assert "32 molecules" in page
    figures = path.parent / "figures"
    pngs, csvs = ({p.stem for p in figures.glob(f"*.{kind}")} for kind in ("png", "csv"))
    assert pngs == csvs
    assert all(re.findall(r'<img[^>]* alt="([^"]+)"', page))
