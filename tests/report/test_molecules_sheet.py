from xml.etree import ElementTree

from rdkit import Chem

from gnnvision.report.embed import markup
from gnnvision.report.molecules_sheet import MoleculeTile, draw_molecules

SVG = "{http://www.w3.org/2000/svg}"


def tile(smiles, *lines, **more):
    return MoleculeTile(Chem.MolFromSmiles(smiles), lines, **more)


def test_a_sheet_has_every_molecule_and_its_text(tmp_path):
    path = tmp_path / "sheet.svg"
    tiles = [tile("CCO", "measured <1", "a " * 99), tile("c1ccccc1"), tile("CC", numbered=True)]
    draw_molecules(path, tiles, 2)
    root = ElementTree.parse(path).getroot()
    drawn = [g for g in root.iter(f"{SVG}g") if "scale" in g.get("transform", "")]
    assert len(drawn) == len(tiles)
    assert all(len(g) for g in drawn)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts[0] == "measured <1"
    assert texts[2].endswith("…")
    assert len(texts) == 3
    assert "linearGradient" not in path.read_text()


def test_it_follows_the_theme(tmp_path):
    path = tmp_path / "sheet.svg"
    tiles = [tile("CCO", "x", colors={2: (1.0, 0.0, 0.0, 0.5)})]
    draw_molecules(path, tiles, 1, largest=0.5, label="Atom attribution")
    assert "#FF00007F" in path.read_text()
    html = str(markup(path, "molecules"))
    assert html.count("var(--ink, #1d2733)") > 3
    assert "#000000" not in html
    assert "fill: url(#f" in html  # the ids of a page are unique
    assert "+0.5" in html
