"""What every convolution promises, stated once.

A test class names its layers (`make_cases`) and inherits the tests; `tests/conftest.py` runs
each test for every layer and, where it asks for one, every domain (`domain_cases`).
"""

import copy
import pickle
from collections.abc import Callable
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.functional import jacobian
from torch.func import functional_call

from gnnvision import Graph, Grid

from .algebra import assert_operator_laws, dense_sum, kron_sum, scramble
from .graphs import GRAPHS, batch, multi, negative, undirected


class Contract:
    """What holds on grids and graphs alike; the two below say how to make a signal."""

    make_cases: ClassVar[dict[str, Callable[[], nn.Module]]]

    def small(self, layer):
        """A domain for tests of which one is enough."""
        raise NotImplementedError

    def signal(self, layer, domain):
        raise NotImplementedError

    def build(self, make, device):
        return scramble(make()).to(device).eval()

    def small_problem(self, make, device):
        layer = self.build(make, device)
        domain = self.small(layer).to(device)
        return layer, self.signal(layer, domain).to(device), domain

    def test_state_dict_deepcopy_and_pickle_keep_the_layer(self, make, device):
        layer, x, domain = self.small_problem(make, device)
        y = layer(x, domain)
        again = self.build(make, device)
        again.load_state_dict(layer.state_dict())
        copies = [again, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
        for other in copies:
            torch.testing.assert_close(other(x, domain), y)
            assert repr(other) == repr(layer)

    def test_the_layer_holds_nothing_of_what_it_saw(self, make, device):
        layer, x, domain = self.small_problem(make, device)
        before = copy.deepcopy(layer.state_dict()), set(vars(layer))
        layer(x, domain)
        layer.reference(x, domain)
        assert set(vars(layer)) == before[1]
        torch.testing.assert_close(layer.state_dict(), before[0])

    def test_training_after_inference_mode(self, make, device):
        layer, x, domain = self.small_problem(make, device)
        y = layer.train()(x, domain).detach()
        fresh = (
            copy.copy(domain) if isinstance(domain, Grid) else pickle.loads(pickle.dumps(domain))
        )
        with torch.no_grad():
            torch.testing.assert_close(layer.eval()(x, domain), y)
        with torch.inference_mode():
            seen = layer(x, fresh)
        torch.testing.assert_close(seen.clone(), y)
        x = x.clone().requires_grad_()
        first = torch.autograd.grad(layer(x, fresh).square().sum(), x, create_graph=True)[0]
        first.square().sum().backward()
        assert x.grad.isfinite().all()

    def test_float32_and_bfloat16(self, make, device):
        layer, x, domain = self.small_problem(make, device)
        y = layer(x, domain)
        single = copy.deepcopy(layer).float()(x.float(), domain)
        assert single.dtype is torch.float32
        torch.testing.assert_close(single.double(), y, atol=1e-5, rtol=1e-5)
        half = copy.deepcopy(layer).bfloat16()(x.bfloat16(), domain)
        assert half.dtype is torch.bfloat16
        assert (half.double() - y).abs().max() < 0.05 * (1 + y.abs().max())
        reference = copy.deepcopy(layer).float().reference(x, domain)
        torch.testing.assert_close(reference, y, atol=1e-5, rtol=1e-5)

    def test_gradcheck(self, make, device):
        layer, x, domain = self.small_problem(make, device)
        names, values = zip(*layer.named_parameters(), strict=True)

        def run(x, *values):
            return functional_call(layer, dict(zip(names, values, strict=True)), (x, domain))

        inputs = [x.requires_grad_(), *values]
        assert gradcheck(run, inputs, fast_mode=True)
        assert gradgradcheck(run, inputs, fast_mode=True)

    def test_reset_parameters_follows_the_seed(self, make, device):
        layer = make().to(device)
        start = copy.deepcopy(layer.state_dict())
        scramble(layer)
        torch.manual_seed(3)
        layer.reset_parameters()
        first = copy.deepcopy(layer.state_dict())
        torch.manual_seed(3)
        layer.reset_parameters()
        torch.testing.assert_close(layer.state_dict(), first, atol=0, rtol=0)
        for name, value in start.items():
            assert value.shape == first[name].shape
            # Where a bias starts at 0 it starts there again.
            assert bool((value == 0).all()) == bool((first[name] == 0).all()), name

    def test_operators_obey_their_laws(self, make, device):
        layer, x, domain = self.small_problem(make, device)
        operators = layer.operators(domain, x)
        assert len(operators) == len(layer.values(domain.to_sites(x), domain))
        for S in operators:
            assert_operator_laws(S)


def readable(graph, layer):
    """The graph, without weights where the layer reads none and would refuse them."""
    return graph if layer.reads_weights else graph.without_weights()


class GraphContract(Contract):
    """Convolutions on graphs; `columns` are those that follow an edge_index in a call."""

    domain_cases = GRAPHS
    columns: ClassVar[tuple[str, ...]] = ()

    def small(self, layer):
        return readable(multi(), layer)

    def signal(self, layer, domain):
        return torch.randn(domain.num_nodes, layer.in_channels)

    def expected(self, layer, x, graph):
        """The output by the dense operators."""
        return layer.finish(dense_sum(layer, x, layer.operators(graph, x), graph))

    def reads(self, layer, column):
        """Whether the layer looks at that part of the graph."""
        return True

    def problem(self, make, domain, device):
        layer = self.build(make, device)
        graph = readable(domain(), layer).to(device)
        return layer, self.signal(layer, graph).to(device), graph

    def call(self, layer, x, graph, **changed):
        """As torch-geometric's layers are called."""
        columns = [
            changed.get(name, getattr(graph, name)) if self.reads(layer, name) else None
            for name in self.columns
        ]
        return layer(x, changed.get("edge_index", graph.edge_index), *columns)

    def test_equals_reference_and_dense_sum(self, make, domain, device):
        layer, x, graph = self.problem(make, domain, device)
        y = layer(x, graph)
        assert y.isfinite().all()
        torch.testing.assert_close(y, layer.reference(x, graph))
        torch.testing.assert_close(y, self.expected(layer, x, graph))
        assert layer.out_domain(graph) is graph

    @pytest.mark.parametrize("maker", [multi, negative, batch])
    def test_gradients_are_finite_and_those_of_the_reference(self, make, maker, device):
        layer, x, graph = self.problem(make, maker, device)
        inputs = [x.requires_grad_(), *layer.parameters()]
        weight = torch.randn_like(layer(x, graph))
        grads = [
            torch.autograd.grad((y * weight).sum(), inputs, allow_unused=True)
            for y in (layer(x, graph), layer.reference(x, graph))
        ]
        for fast, slow, value in zip(*grads, inputs, strict=True):
            fast = torch.zeros_like(value) if fast is None else fast
            assert fast.isfinite().all()
            torch.testing.assert_close(fast, torch.zeros_like(value) if slow is None else slow)

    @pytest.mark.parametrize("maker", [multi, negative, batch])
    def test_nodes_may_be_renumbered_and_edges_reordered(self, make, maker, device):
        layer, x, graph = self.problem(make, maker, device)
        sizes, starts = graph.offsets.diff().tolist(), graph.offsets.tolist()
        within = [s + torch.randperm(n) for s, n in zip(starts[:-1], sizes, strict=True)]
        number = torch.cat(within).to(device)
        order = torch.randperm(graph.num_edges, device=device)
        weight = graph.edge_weight
        other = Graph(
            number[graph.edge_index][:, order],
            graph.num_nodes,
            edge_weight=None if weight is None else weight[order],
            edge_attr=graph.edge_attr[order],
            edge_type=graph.edge_type[order],
            num_relations=graph.num_relations,
            offsets=graph.offsets,
        )
        moved = torch.empty_like(x)
        moved[number] = x
        torch.testing.assert_close(layer(moved, other)[number], layer(x, graph))

    def test_batch_equals_one_by_one(self, make, device):
        layer = self.build(make, device)
        graphs = [readable(maker(), layer).to(device) for maker in GRAPHS.values()]
        signals = [self.signal(layer, graph).to(device) for graph in graphs]
        together = layer(torch.cat(signals), Graph.batch(graphs))
        apart = [layer(x, graph) for x, graph in zip(signals, graphs, strict=True)]
        torch.testing.assert_close(together, torch.cat(apart))

    @pytest.mark.parametrize("form", ["coalesced", "uncoalesced", "csr"])
    def test_sparse_signal_equals_dense(self, make, device, form):
        layer, x, graph = self.small_problem(make, device)
        x = x * (torch.rand_like(x) > 0.5)
        x[2] = 0
        sparse = x.to_sparse()
        if form == "csr":
            sparse = x.to_sparse_csr()
        elif form == "uncoalesced":
            places, values = sparse.indices().repeat(1, 2), sparse.values().repeat(2) / 2
            sparse = torch.sparse_coo_tensor(places, values, x.shape, check_invariants=True)
            assert not sparse.is_coalesced()
        y = layer(x, graph)
        for _ in range(2):  # the second time its places are known
            torch.testing.assert_close(layer(sparse, graph), y)
        torch.testing.assert_close(layer.reference(sparse, graph), y)
        weight = torch.randn_like(y)
        parameters = list(layer.parameters())
        expected = torch.autograd.grad((y * weight).sum(), parameters)
        got = torch.autograd.grad((layer(sparse, graph) * weight).sum(), parameters)
        torch.testing.assert_close(got, expected)

    @pytest.mark.parametrize("name", ["directed", "no edges", "no nodes"])
    def test_edge_index_in_place_of_a_graph(self, make, name, device):
        layer, x, graph = self.problem(make, GRAPHS[name], device)
        lone = Graph(
            graph.edge_index,
            graph.num_nodes,
            **{name: getattr(graph, name) for name in self.columns},
        )
        y = layer(x, lone)
        for _ in range(2):
            torch.testing.assert_close(self.call(layer, x, graph), y)

    @pytest.mark.parametrize("way", ["plainly", "by data", "by numpy"])
    def test_an_edge_index_edited_in_place_is_read_anew(self, make, way):
        layer, x, graph = self.small_problem(make, "cpu")
        mine = graph.edge_index.clone()
        other = Graph(mine, graph.num_nodes, **{n: getattr(graph, n) for n in self.columns})
        before = self.call(layer, x, graph, edge_index=mine)
        match way:
            case "plainly":
                mine[1, 0] = 3
            case "by data":
                mine.data[1, 0] = 3
            case "by numpy":
                mine.numpy()[1, 0] = 3
        after = self.call(layer, x, graph, edge_index=mine)
        assert torch.allclose(after, before) != self.reads(layer, "edge_index")
        torch.testing.assert_close(after, self.call(layer, x, graph, edge_index=mine.clone()))
        torch.testing.assert_close(layer(x, other), before)

    def test_columns_edited_in_place_are_read_anew(self, make):
        layer, x, graph = self.small_problem(make, "cpu")
        for name in self.columns:
            mine = getattr(graph, name).clone()
            if name == "edge_attr" and not self.reads(layer, name):
                with pytest.raises(ValueError, match=f"'{name}' must be left out"):
                    layer(x, graph.edge_index, mine)
                continue
            before = self.call(layer, x, graph, **{name: mine})
            mine[7:9] = mine[3]
            after = self.call(layer, x, graph, **{name: mine})
            expected = self.call(layer, x, graph, **{name: mine.clone()})
            torch.testing.assert_close(after, expected)
            assert torch.allclose(after, before) != self.reads(layer, name)

    def test_one_layer_on_one_graph_after_another(self, make, device):
        layer = self.build(make, device)
        graphs = [readable(maker(), layer).to(device) for maker in (multi, undirected)]
        signals = [self.signal(layer, graph).to(device) for graph in graphs]
        first = layer(signals[0], graphs[0])
        layer(signals[1], graphs[1])
        torch.testing.assert_close(layer(signals[0], graphs[0]), first)

    def test_refuses_what_does_not_fit(self, make):
        layer, x, graph = self.small_problem(make, "cpu")
        if not layer.reads_weights:
            with pytest.raises(ValueError, match="'edge_weight' must be left out for"):
                layer(x, multi())
        n, c = x.shape
        with pytest.raises(ValueError, match=rf"'x' must have shape \(N={n}, in_channels={c}\)"):
            layer(x[:-1], graph)
        with pytest.raises(ValueError, match=rf"got \({n}, {c - 1}\)"):
            layer(x[:, :-1], graph)
        with pytest.raises(ValueError, match="'x' must have shape"):
            layer(x.unsqueeze(0), graph)
        with pytest.raises(TypeError, match=r"'x' must be floating point, got torch.int64"):
            layer(x.long(), graph)
        with pytest.raises(
            TypeError, match=r"'x' must have the dtype of the layer, torch.float64"
        ):
            layer(x.float(), graph)
        with pytest.raises(TypeError, match=r"'x' must be dense, .* got torch.sparse_csc"):
            layer(x.to_sparse_csc(), graph)
        with pytest.raises(TypeError, match="'domain' must be a Graph or an edge_index tensor"):
            layer(x, [[0], [1]])
        with pytest.raises(TypeError, match="'domain' must be a Graph"):
            layer.operators(Grid((2, 3)), x)
        with pytest.raises(ValueError, match="'edge_index' must have nodes from 0 to num_nodes"):
            self.call(layer, x, graph, edge_index=graph.edge_index + 1)
        for name in self.columns:
            if not self.reads(layer, name):
                continue
            with pytest.raises(
                ValueError, match=f"'{name}' must not be given together with a Graph"
            ):
                layer(x, graph, getattr(graph, name))
        for kind in ("to_dense", "to_sparse", "to_sparse_csr"):
            bad = x.clone()
            bad[1, -1] = torch.nan
            with pytest.raises(ValueError, match="'x' must not contain NaN, got one at"):
                layer(getattr(bad, kind)(), graph)


class LinearGraphContract(GraphContract):
    """Convolutions that are linear in the signal, and nothing after the sum."""

    def linear_taps(self, layer):
        return layer.taps()

    @pytest.mark.parametrize("maker", [multi, negative, batch])
    def test_jacobian_is_the_sum_of_kronecker_products(self, make, maker, device):
        layer, x, graph = self.problem(make, maker, device)
        got = jacobian(lambda x: layer(x, graph), x)
        operators = layer.operators(graph, x)
        expected = kron_sum(operators, self.linear_taps(layer))
        torch.testing.assert_close(got.reshape(expected.shape), expected)


class WeightedGraphContract(LinearGraphContract):
    """Convolutions that read the weights of edges, which may be learned."""

    columns = ("edge_weight",)

    def test_gradcheck_by_edge_weight(self, make, device):
        layer, x, graph = self.small_problem(make, device)

        def run(weight):
            return layer(x, Graph(graph.edge_index, graph.num_nodes, edge_weight=weight))

        weight = graph.edge_weight.clone().requires_grad_()
        assert gradcheck(run, (weight,), fast_mode=True)
        assert gradgradcheck(run, (weight,), fast_mode=True)
        assert gradcheck(lambda w: layer(x, graph.edge_index, w), (weight,), fast_mode=True)

    def test_a_learned_weight_is_read_at_every_call(self, make, device):
        layer, x, graph = self.small_problem(make, device)
        weight = graph.edge_weight.clone().requires_grad_()
        learned = Graph(graph.edge_index, graph.num_nodes, edge_weight=weight)
        for _ in range(2):
            with torch.no_grad():
                weight.mul_(torch.rand_like(weight) + 0.5)
            plain = Graph(graph.edge_index, graph.num_nodes, edge_weight=weight.detach())
            y = layer(x, learned)
            torch.testing.assert_close(y, layer(x, plain))
            y.sum().backward()
        assert weight.grad.isfinite().all()


class GridContract(Contract):
    """Convolutions on grids; `size` is that of the tests' signals."""

    size: ClassVar[tuple[int, ...]]

    def small(self, layer):
        return Grid(self.size)

    def signal(self, layer, domain):
        return torch.randn(2, layer.in_channels, *domain.shape)

    def test_equals_reference_and_dense_sum(self, make, device):
        layer, x, grid = self.small_problem(make, device)
        y = layer(x)
        torch.testing.assert_close(layer(x, grid), y)
        torch.testing.assert_close(y, layer.reference(x, grid))
        sites = dense_sum(layer, grid.to_sites(x), layer.operators(grid))
        torch.testing.assert_close(y, layer.out_domain(grid).from_sites(sites))

    def test_jacobian_is_the_sum_of_kronecker_products(self, make, device):
        layer, x, grid = self.small_problem(make, device)
        out = layer.out_domain(grid)

        def run(sites):  # (N, C) -> (M, C')
            return out.to_sites(layer(grid.from_sites(sites.unsqueeze(1)))).squeeze(1)

        got = jacobian(run, grid.to_sites(x)[:, 0])
        expected = kron_sum(layer.operators(grid), layer.taps())
        assert expected.shape == (out.num_sites * layer.out_channels, x[0].numel())
        torch.testing.assert_close(got.reshape(expected.shape), expected)

    def test_batch_equals_one_by_one(self, make, device):
        layer, x, _ = self.small_problem(make, device)
        y = layer(x)
        torch.testing.assert_close(torch.cat([layer(x[:1]), layer(x[1:])]), y)
        torch.testing.assert_close(torch.stack([layer(x[0]), layer(x[1])]), y)
        assert layer(x[:0]).shape == (0, *y.shape[1:])

    def test_out_domain_is_where_the_output_lives(self, make, device):
        layer, x, grid = self.small_problem(make, device)
        assert layer.out_domain(grid).shape == layer(x).shape[2:]

    def test_refuses_what_does_not_fit(self, make):
        layer, x, grid = self.small_problem(make, "cpu")
        channels = layer.in_channels
        with pytest.raises(ValueError, match=f"'input' must have {channels} channels, got"):
            layer(x[:, 1:])
        with pytest.raises(ValueError, match=rf"'input' must have shape \(B, C={channels}"):
            layer(x[None, None])
        other = Grid(tuple(n + 1 for n in self.size))
        with pytest.raises(ValueError, match="'input' must have the size of Grid"):
            layer(x, other)
        with pytest.raises(TypeError, match="'domain' must be a Grid"):
            layer(x, grid.to_graph())
        wrong = Grid((4,) * (1 if len(self.size) > 1 else 2))
        with pytest.raises(ValueError, match=f"'domain' must have {len(self.size)} axes"):
            layer.out_domain(wrong)
        with pytest.raises(TypeError, match="'domain' must be a Grid"):
            layer.operators(grid.to_graph())
