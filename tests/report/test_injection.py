"""Names in the data become text in a page, never tags, attributes or scripts."""

from html.parser import HTMLParser

import numpy as np

import gnnvision as gv

EVIL = (
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(2)>',
    "</script><script>alert(3)</script>",
    "</title></style>--> ]]><x-evil>",
    "javascript:alert(4)//{{7*7}}",
)


class Tags(HTMLParser):
    """The tags of a page that a name could have brought in."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.bad = 0, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        values = [(name, value or "") for name, value in attributes]
        addresses = [v.strip().lower() for n, v in values if n.endswith(("href", "src"))]
        if (
            tag == "x-evil"
            or any(name.startswith("on") for name, _ in values)
            or any(address == "x" or address.startswith("javascript:") for address in addresses)
        ):
            self.bad.append((tag, attributes))


def report(task, folder, model):
    recipe = gv.Recipe(epochs=2)
    gv.fit(model, task, recipe, 1, folder=folder, progress=False, device="cpu").report()
    return [
        Tags(path.read_text()) for path in folder.rglob("*") if path.suffix in (".html", ".svg")
    ]


def graph_task(names):
    """A ring of nodes whose ids, classes and columns have these names."""
    rows = range(60)
    nodes = {"id": [f"{names[i % 5]} {i}" for i in rows], "label": [names[i % 3] for i in rows]}
    nodes |= {names[3]: [i % 7 for i in rows], names[4]: [names[i % 2] for i in rows]}
    ends = [(i, (i + step) % 60) for i in rows for step in (1, 2)]
    edges = {
        "source": [nodes["id"][a] for a, _ in ends],
        "target": [nodes["id"][b] for _, b in ends],
    }
    return gv.data.from_tables(nodes, edges, kind="classification", name=names[0])


def test_of_the_nodes_of_a_graph(tmp_path):
    task = graph_task(EVIL)
    pages = report(task, tmp_path / "run", gv.models.gcn(task.in_channels, 4, task.num_classes))
    assert len(pages) > 5
    assert [page.bad for page in pages if page.bad] == []
    assert max(page.scripts for page in pages) == 1


def test_of_molecules(tmp_path):
    table = {"smiles": ["C" * n + "O" * (n % 2) for n in range(1, 41)]}
    table |= {EVIL[0]: np.arange(40) / 2, EVIL[2]: np.arange(40) % 9}
    task = gv.data.molecules.from_table(table, targets=(EVIL[0], EVIL[2]), name=EVIL[1])
    model = gv.models.molecule_gcn(task.in_channels, task.num_outputs, 8, num_layers=2)
    pages = report(task, tmp_path / "run", model)
    assert len(pages) > 3
    assert [page.bad for page in pages if page.bad] == []
