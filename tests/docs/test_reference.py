"""The reference: every public name is on one page, and names in texts become the right links."""

import inspect
import re
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

import gnnvision as gv

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))

public_names = pytest.importorskip("public_names")
external_links = pytest.importorskip("external_links")
pytest.importorskip("sphinx")
import reference_pages  # noqa: E402
import references  # noqa: E402
from public_names import FACES, Scope, all_names, link_target  # noqa: E402

sys.path.remove(str(ROOT / "docs"))


def names_of_pages():
    return reference_pages.names_in_pages()


def test_every_name_of_gnnvision_is_on_exactly_one_page():
    count = Counter(name for names in names_of_pages().values() for name in names)
    assert set(count.values()) == {1}
    wanted = {f"gnnvision.{name}" for name in gv.__all__ if name != "__version__"}
    assert wanted <= count.keys()


@pytest.mark.parametrize("face", FACES)
def test_every_name_of_a_room_is_on_its_page(face):
    module = import_module(f"gnnvision.{face}")
    shown = names_of_pages()[face]
    assert shown[0] == f"gnnvision.{face}"
    expected = {name.full for name in all_names().values() if name.face == face}
    assert len(expected) == len(module.__all__)
    assert set(shown[1:]) == expected


def test_an_unknown_name_of_a_page_is_an_error():
    with pytest.raises(ValueError, match=r"GCNKonv: not in gnnvision\.layers\.__all__"):
        reference_pages.entries_of("layers", ["GCNConv", "GCNKonv"])


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("GCNConv", "gnnvision.GCNConv"),
        ("gv.GCNConv", "gnnvision.GCNConv"),
        ("gnnvision.layers.GCNConv", "gnnvision.GCNConv"),
        ("gnnvision.layers.gcn.GCNConv", "gnnvision.GCNConv"),
        ("Graph.batch", "gnnvision.Graph.batch"),
        ("gv.data.load", "gnnvision.data.load"),
        ("data.from_tables", "gnnvision.data.from_tables"),
        ("from_tables(...)", "gnnvision.data.from_tables"),
        ("fit(..., metric=...)", "gnnvision.fit"),
        ("gnnvision.summary", "gnnvision.summary"),
        ("gnnvision.explain.METHODS", "gnnvision.explain.METHODS"),
        ("gnnvision.training.events", "gnnvision.training.events"),
        ("torch.nn.Linear", "torch.nn.Linear"),
        ("nn.Linear", "torch.nn.Linear"),
        ("torch_geometric.nn.GCNConv", "torch_geometric.nn.GCNConv"),
        ("torch.nn.Linnear", None),
        ("torch_geometric.nn.GCN3Conv", None),
        ("gnnvision.GCNKonv", None),
        ("gnnvision.layers.gcn.np", None),
        ("Graph.no_such_method", None),
        ("no_such_package.Thing", None),
        ("load", None),  # a common word, outside the room of data
        ("evaluate", None),  # two rooms have one
        ("x", None),
        ("None", None),
        ("checkpoints/best.safetensors", None),
        ("a = b", None),
    ],
)
def test_what_a_name_means(text, target):
    assert link_target(text) == target


def test_a_name_of_the_room_and_of_the_class_comes_first():
    assert link_target("load", Scope("data")) == "gnnvision.data.load"
    assert link_target("evaluate", Scope("basics")) == "gnnvision.basics.evaluate"
    graph = all_names()["gnnvision.Graph"]
    assert link_target("batch", Scope("domains", graph)) == "gnnvision.Graph.batch"


def test_a_parameter_is_not_a_link():
    scope = Scope("data", None, frozenset({"load", "Graph"}))
    assert link_target("load", scope) is None
    assert link_target("Graph.batch", scope) is None


def test_names_in_a_text_become_links_or_code():
    text = "As `GCNConv`, with `x` and ``y``; see `torch.nn.Linear` and :py:obj:`z`."
    assert references.link_names(text) == (
        "As :py:obj:`GCNConv <gnnvision.GCNConv>`, with ``x`` and ``y``; see "
        ":py:obj:`torch.nn.Linear <torch.nn.Linear>` and :py:obj:`z`."
    )
    assert references.link_names("`a\n   b`") == "``a b``"
    assert references.link_names("`a <https://example.org>`_") == "`a <https://example.org>`_"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (
            "torch.nn.Linear",
            f"{external_links.TORCH}generated/torch.nn.Linear.html#torch.nn.Linear",
        ),
        (
            "torch.nn.modules.linear.Linear",
            f"{external_links.TORCH}generated/torch.nn.Linear.html#torch.nn.Linear",
        ),
        ("torch.Tensor", f"{external_links.TORCH}tensors.html#torch.Tensor"),
        (
            "torch_geometric.nn.GCNConv",
            f"{external_links.PYG}generated/torch_geometric.nn.conv.GCNConv.html"
            "#torch_geometric.nn.conv.GCNConv",
        ),
        (
            "networkx.Graph",
            f"{external_links.NETWORKX}classes/graph.html#networkx.Graph",
        ),
        ("ValueError", f"{external_links.PYTHON}exceptions.html#ValueError"),
        ("pathlib.Path", f"{external_links.PYTHON}pathlib.html#pathlib.Path"),
        ("torch.nn.Linnear", None),
        ("nothing", None),
        ("torch.nn.modules.linear", None),  # it exists, but no page of it is known
    ],
)
def test_the_addresses_of_other_sites(name, address):
    assert external_links.address(name) == address


def test_shapes_and_references_stand_beside_the_parameters():
    lines = ["Args:", "    x: it.", "", "Shapes:", "    Input (N, C);", "    output (N,)."]
    assert references.plain_sections(lines)[3:] == [":Shapes: Input (N, C); output (N,)."]


def test_a_property_has_no_type_in_its_text():
    (line,) = references.plain_sections(["The number of sites N: pixels."], is_attribute=True)
    assert ":" not in line
    lines = references.plain_sections(["Returns:", "    A row: one.", "", "Raises:", "    E: if."])
    assert ":" not in lines[1]
    assert lines[-1] == "    E: if."


def described_parameters(thing):
    """The parameters that the docstring of a callable, or of a base class, describes."""
    found = set()
    for one in inspect.getmro(thing) if inspect.isclass(thing) else (thing,):
        doc = inspect.cleandoc(one.__dict__.get("__doc__") or one.__doc__ or "")
        section = re.search(r"(?ms)^Args:\n(.*?)(?=^\S|\Z)", doc)
        pattern = r"(?m)^    \*{0,2}(\w+)(?: \([^\n]*\))?:"
        found |= set(re.findall(pattern, section[1])) if section else set()
    return found


def parameters_of(thing):
    try:
        return {n for n in inspect.signature(thing).parameters if not n.startswith("_")}
    except ValueError:
        return set()


@pytest.mark.parametrize(
    "name",
    [n for n in all_names().values() if n.kind in ("class", "exception", "function")],
    ids=lambda n: n.full,
)
def test_every_parameter_is_described(name):
    assert parameters_of(name.thing) - described_parameters(name.thing) == set()


@pytest.mark.parametrize(
    "name", [n for n in all_names().values() if n.kind != "data"], ids=lambda n: n.full
)
def test_every_public_name_has_a_docstring(name):
    assert (name.thing.__doc__ or "").strip()


def test_every_constant_is_described():
    constants = [name for name in all_names().values() if name.kind == "data"]
    assert constants
    assert [n.full for n in constants if not public_names.comment_of(n)] == []


@pytest.mark.parametrize("page", ["index", *FACES, "command"])
def test_the_index_has_the_page(page):
    assert (ROOT / "docs/api" / f"{page}.md").is_file()
    toctree = (ROOT / "docs/api/index.md").read_text(encoding="utf-8").partition("{toctree}")[2]
    assert page == "index" or re.search(rf"(?m)^{page}$", toctree)


def test_the_page_of_the_command_has_every_flag():
    from gnnvision.cli.command import VERBS
    from gnnvision.cli.flags import flags_of

    for verb, summary in VERBS.items():
        text = "\n".join(reference_pages.command_lines(verb, summary))
        for flag in flags_of(import_module(f"gnnvision.cli.command_{verb}").flags()):
            assert f".. option:: {flag.option}" in text
