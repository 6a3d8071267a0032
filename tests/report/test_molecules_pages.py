import re

import pytest

from gnnvision.report import write_report


@pytest.mark.parametrize("name", ["molecules_run", "answers_run"])
def test_the_page(name, request):
    result = request.getfixturevalue(name)
    path = write_report(result, "python run.py")
    page = path.read_text(encoding="utf-8")
    titles = re.findall(r"<h2>([^<]*)</h2>", page)
    wanted = "Predictions and residuals" if name == "molecules_run" else "ROC"
    assert any(title.startswith(wanted) for title in titles)
    assert "Input table" in titles
    assert "32 molecules" in page
    figures = path.parent / "figures"
    images = {p.stem for p in figures.iterdir() if p.suffix in (".png", ".svg")}
    assert images == {p.stem for p in figures.glob("*.csv")}
    assert all(re.findall(r'<img[^>]* alt="([^"]+)"', page))
