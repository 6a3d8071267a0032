import csv

import numpy as np
import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import integrated_gradients, site_attributions

CARBONS = "CCO", "c1ccccc1O", "CC(=O)N", "C", "ClCCCl"


def graphs():
    generator = torch.Generator().manual_seed(3)
    batch = gv.Graph.batch([gv.Graph.from_smiles(text) for text in CARBONS])
    bonds = torch.rand(batch.num_edges, 4, generator=generator)
    batch = gv.Graph(
        batch.edge_index, batch.num_nodes, edge_attr=bonds, offsets=batch.offsets
    )  # fmt: skip
    return torch.rand(batch.num_nodes, 5, generator=generator), batch


def warm(model):
    """With biases, so that every ReLU has its kink somewhere on the way."""
    generator = torch.Generator().manual_seed(1)
    for p in model.parameters():
        if p.ndim == 1:
            p.data += 0.3 * torch.randn(p.shape, generator=generator)
    return model


def cases():
    x, graph = graphs()
    gcn = warm(gv.models.molecule_gcn(5, 2, 16))
    bond = warm(gv.models.bond_network(5, 2, 16, bond_channels=4))
    cnn = warm(
        gv.Sequential(
            gv.Conv2d(3, 8, 3, padding="same"), nn.BatchNorm2d(8), nn.ReLU(), gv.MaxPool2d(2),
            gv.Conv2d(8, 8, 3), nn.ReLU(), gv.Readout("mean"), nn.Linear(8, 2),
        )
    )  # fmt: skip
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    return {
        "molecule_gcn": (gcn, x, graph),
        "bond_network": (bond, x, graph),
        "cnn": (cnn, images, gv.Grid((8, 8))),
    }


@pytest.mark.parametrize("name", ["molecule_gcn", "bond_network", "cnn"])
def test_the_parts_add_up(name):
    model, x, domain = cases()[name]
    for baseline in (None, torch.full_like(x, 0.2)):
        parts = integrated_gradients(model, x, domain, 1, baseline, estimator="corrected")
        start = torch.zeros_like(x) if baseline is None else baseline
        with torch.no_grad():
            model.eval()
            change = (model(x, domain) - model(start, domain))[:, 1]
        total = gv.Readout("sum")(parts, domain).sum(1)
        assert ((total - change).abs() < 0.01 * change.abs()).all()
        sites = site_attributions(model, x, domain, 1, baseline, estimator="corrected")
        torch.testing.assert_close(sites, parts.sum(1))


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["gauss_legendre", "riemann", "trapezoid", "corrected"])
@pytest.mark.parametrize("name", ["molecule_gcn", "bond_network", "cnn"])
def test_they_are_the_integral(name, estimator):
    """Against many points of the definition."""
    model, x, domain = cases()[name]
    model.eval()
    steps = {"riemann": 400, "corrected": 64}.get(estimator, 200)
    parts = integrated_gradients(model, x, domain, steps=steps, estimator=estimator)
    total, steps = torch.zeros_like(x), 1000
    for number in range(steps):
        between = (x * (number + 0.5) / steps).requires_grad_()
        total += torch.autograd.grad(model(between, domain)[:, 0].sum(), between)[0]
    expected = x * total / steps
    assert float((parts - expected).norm()) < 0.01 * float(expected.norm())


@pytest.mark.parametrize(
    ("estimator", "theirs"), [("gauss_legendre", "gausslegendre"), ("riemann", "riemann_right")]
)
@pytest.mark.parametrize("steps", [None, 7, 50])
def test_the_estimators_are_those_of_captum(estimator, theirs, steps):
    """With kinks on the way, where another quadrature gives other numbers; and by default."""
    captum = pytest.importorskip("captum.attr")
    model, x, grid = cases()["cnn"]
    model, x = model.double().eval(), x.double()
    baseline = torch.full_like(x, 0.2)
    counted = {} if steps is None else {"n_steps": steps}
    expected = captum.IntegratedGradients(lambda x: model(x, grid)).attribute(
        x, baseline, target=1, method=theirs, **counted
    )
    ours = {} if steps is None else {"steps": steps}
    parts = integrated_gradients(model, x, grid, 1, baseline, estimator=estimator, **ours)
    torch.testing.assert_close(parts, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["molecule_gcn", "cnn"])
def test_steps_in_one_run_are_as_single_ones(name, monkeypatch):
    from gnnvision.explain import integrated

    model, x, domain = cases()[name]
    together = integrated_gradients(model.double(), x.double(), domain, steps=7)
    monkeypatch.setattr(integrated, "_VALUES_AT_ONCE", 1)
    torch.testing.assert_close(integrated_gradients(model, x.double(), domain, steps=7), together)


def test_a_linear_network_is_explained_by_its_weights():
    x, graph = graphs()
    model = gv.Sequential(gv.Readout("sum"), nn.Linear(5, 2))
    parts = integrated_gradients(model, x, graph, 1, steps=1)
    torch.testing.assert_close(parts, x * model[1].weight[1])


def test_samples_are_independent():
    model, x, graph = cases()["bond_network"]
    together = site_attributions(model, x, graph)
    alone = []
    for sample in range(graph.num_graphs):
        part, nodes = graph.section(sample, sample + 1)
        alone.append(site_attributions(model, x[nodes], part))
    torch.testing.assert_close(torch.cat(alone), together, rtol=1e-3, atol=1e-5)


def test_what_the_network_does_not_read_has_no_part():
    model, x, graph = cases()["molecule_gcn"]
    model[0].lin.weight.data[:, 2] = 0
    assert not integrated_gradients(model, x, graph)[:, 2].any()


@pytest.mark.parametrize("name", ["molecule_gcn", "cnn"])
def test_the_model_is_left_as_it_was(name):
    model, x, domain = cases()[name]
    model.train()
    model[1].eval()
    modes = [module.training for module in model.modules()]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    with torch.no_grad():
        parts = integrated_gradients(model, x, domain, steps=2)
    with torch.inference_mode():
        torch.testing.assert_close(integrated_gradients(model, x, domain, steps=2), parts)
    assert not parts.requires_grad
    assert not x.requires_grad
    assert [module.training for module in model.modules()] == modes
    assert all(bool((p.grad == 1).all()) for p in model.parameters())
    assert not any(m._forward_hooks or m._backward_hooks for m in model.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_modes_are_restored_after_an_error():
    model, x, graph = cases()["molecule_gcn"]
    model.train()
    with pytest.raises(ValueError, match="'output' must be the index of one of the 2 outputs"):
        integrated_gradients(model, x, graph, 2)
    assert model.training


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "'steps' must be at least 1, got 0"),
        ({"estimator": "gauss"}, "'estimator' must be one of .* got 'gauss'. .* 'gauss_legendre'"),
        (
            {"output": -1},
            "'output' must be the index of one of the 2 outputs, from 0 to 1, got -1",
        ),
        ({"baseline": torch.zeros(3, 5)}, r"'baseline' must have the shape of 'x'"),
        ({"x": torch.eye(22, 5).to_sparse()}, "'x' must be dense"),
        (
            {"model": nn.Identity()},
            "'model' must return one row of outputs for each sample of the batch .5.",
        ),
    ],
)
def test_refused(change, message):
    model, x, graph = cases()["molecule_gcn"]
    if "model" in change:
        change = {"model": gv.Sequential(gv.GCNConv(5, 2))}
    with pytest.raises(ValueError, match=message):
        integrated_gradients(**{"model": model, "x": x, "domain": graph} | change)


# --- a rule that is known -------------------------------------------------------------------


def rule(smiles):
    """What each atom adds: -1 for the oxygen of a hydroxyl, 0.5 for a halogen; None if none."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() > 40:
        return None
    out = np.zeros(mol.GetNumAtoms())
    for pattern, value in (("[OX2H1]", -1.0), ("[F,Cl,Br,I]", 0.5)):
        for (atom,) in mol.GetSubstructMatches(Chem.MolFromSmarts(pattern)):
            out[atom] = value
    return out


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A task on molecules of the NCI set that rdkit ships, and the parts of their atoms."""
    from rdkit import RDConfig

    path = f"{RDConfig.RDDataDir}/NCI/first_5K.smi"
    with open(path, encoding="utf-8") as file:
        smiles = [line.split()[0] for line in file][:700]
    held = [(text, parts) for text in smiles if (parts := rule(text)) is not None]
    table = tmp_path_factory.mktemp("rule") / "rule.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "y"])
        # As many for each ten atoms: the network takes the mean over the atoms.
        writer.writerows([text, 10 * parts.mean()] for text, parts in held)
    return gv.data.load(table, smiles="smiles", targets=("y",)), [parts for _, parts in held]


def pointing(model, task, parts):
    """How often the atom with the largest attribution is of the rule, and by chance."""
    test = task.split.test.copy()
    graph = task.graphs.select(test)
    found = site_attributions(model, task.x[task.graphs.member_nodes(test)], graph)
    hits, chance, signs = [], [], []
    for row, own in zip(test.tolist(), found.split(graph.offsets.diff().tolist()), strict=True):
        truth = torch.from_numpy(parts[row])
        if truth.any():
            top = own.abs().argmax()
            hits.append(float(truth[top] != 0))
            chance.append(float((truth != 0).double().mean()))
            signs.append(float(truth[top] * own[top] > 0))
    return np.mean(hits), np.mean(chance), np.mean(signs)


@pytest.mark.slow
def test_attributions_point_at_the_group_that_the_rule_is_about(known):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    task, parts = known
    build = {"in_channels": task.in_channels, "num_outputs": 1, "hidden_channels": 32}
    model = gv.models.build("molecule_gcn", **build)
    recipe = gv.Recipe(epochs=20, lr=1e-2, optimizer="adamw", schedule="one_cycle", batch_size=64)
    result = gv.fit(model, task, recipe, progress=False)
    assert result.best.metrics["test"]["r2"] > 0.6
    hit, chance, sign = pointing(model, task, parts)
    assert chance < 0.2
    assert hit > 0.85
    assert sign > 0.8
    others = []
    for number in range(6):
        torch.manual_seed(number)
        others.append(pointing(gv.models.build("molecule_gcn", **build), task, parts)[0])
    assert np.mean(others) < 0.45
    torch.set_num_threads(threads)
