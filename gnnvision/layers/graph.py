"""Y = Σₖ Sₖ X Wₖ + b: the one forward pass of all convolutions that a family defines.

A named layer chooses a family and names its weights as torch-geometric does; a convolution of
your own is `GraphConvolution(in_channels, out_channels, operators=family)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Frontier, Graph, StoredGraph
from gnnvision.domains.modes import is_transformed
from gnnvision.domains.steps import step_graph
from gnnvision.errors import integer, invalid, wrong_dtype, wrong_type
from gnnvision.layers.calls import read_call
from gnnvision.layers.compatible import MessagePassingNames
from gnnvision.layers.interface import Convolution
from gnnvision.layers.linear import Channels, size_on_first_call
from gnnvision.layers.missing import check_given, check_not_nan
from gnnvision.operators import Family, Identity, Operator, Sum, apply_each
from gnnvision.operators.base import Product
from gnnvision.operators.dense import dense_product
from gnnvision.operators.fused import fused_sum
from gnnvision.operators.onto import First, hops_of, onto
from gnnvision.operators.signals import dense, signal_operator
from gnnvision.operators.together import Together

__all__ = ["FamilyConvolution", "GraphConvolution", "Propagation", "weighted_sum"]


class FamilyConvolution(MessagePassingNames, Convolution):
    """Y = Σₖ Sₖ X Wₖ + b with the operators of a family.

    A layer sets `bias` and defines `matrices`, the weights; it does not override `forward`.

    Args:
        in_channels: number of channels of the input; None if any number will do.
        out_channels: number of channels of the output; None if it is that of the input.
        family: the operators, as a function of a domain and a dtype.

    Raises:
        TypeError: if a number of channels is not an integer.
        ValueError: if one is not positive.
    """

    kind: ClassVar[type[Domain]] = Graph  # of the domains that the family supports
    columns: ClassVar[tuple[str, ...]] = ("edge_weight",)  # after an edge_index, in this order
    reads_weights: ClassVar[bool] = True  # whether the operators depend on the weights of edges
    finishes: ClassVar[bool] = False  # whether `finish` does something
    bipartite: ClassVar[bool] = False  # whether source and target nodes can have two signals
    reads_targets: ClassVar[bool] = False  # whether those of the targets cannot be left out
    embeds: ClassVar[bool] = False  # whether indices of nodes can be given instead of a signal

    def __init__(
        self, in_channels: Channels | None, out_channels: int | None, family: Family | None
    ) -> None:
        super().__init__()
        if out_channels is not None:
            out_channels = integer("out_channels", out_channels, 1)
        self.set_channels(in_channels)
        self.out_channels: int = out_channels  # type: ignore[assignment]
        self.family = family

    def reset_parameters(self) -> None:
        """Initialize the inner layers by their own rules, and the bias with 0."""
        for module in self.modules():
            reset = getattr(module, "reset_parameters", None)
            if module is not self and callable(reset):
                reset()
        if (bias := self._parameters.get("bias")) is not None:
            nn.init.zeros_(bias)

    def set_channels(self, in_channels: Channels | None) -> None:
        """Set the number of channels of the input; that of the first signal if it is -1."""
        pair = self.bipartite and isinstance(in_channels, tuple)
        given: Any = in_channels if pair else (in_channels,)
        ends = [_channels(n) for n in given]
        self.in_channels: int = tuple(ends) if pair else ends[0]  # type: ignore[assignment]
        self.width = max(n or 0 for n in ends)  # of a signal with the rows of both ends
        self.pair = pair
        if -1 in ends:
            size_on_first_call(self)

    def forward(self, x: Tensor, domain: Any = None, *columns: Any, **named: Any) -> Tensor:  # noqa: ANN401
        """Y = Σₖ Sₖ X Wₖ + b.

        Args:
            x: X, dense or sparse. Shape (N, in_channels).
            domain: a graph, or torch-geometric's edge_index of shape (2, E).
            columns: what follows an edge_index in torch-geometric, as edge weights.
            named: the same by name.

        Returns:
            Y. Shape (N, out_channels).

        Raises:
            TypeError: if `x` is not floating point or `domain` is neither of the two.
            ValueError: if a shape is wrong or the graph is invalid; see `Graph`.
        """
        call = None
        if type(domain) is Frontier and type(x) is Tensor and not (columns or named):
            domain = domain.on(x)
            if self.per_edge:
                y = self.forward(x, step_graph(domain))
                return y[: domain.inward().num_nodes]
        elif type(domain) is not Graph or type(x) is not Tensor or self.pair or columns or named:
            call = read_call(self, x, domain, columns, named)
            x, domain = call.x, call.domain
        transformed = is_transformed()
        signal = x if type(domain) is Graph else domain.to_sites(x)  # (N, *, C_in)
        self.check(signal, domain, transformed)
        operators = self.operators(domain, x)
        bias = self.bias
        if isinstance(operators, Together):
            y = operators.combine(signal, self.matrices)
            if bias is not None:
                # In place, as in `weighted_sum`.
                y = y + bias if transformed else y.add_(bias)
        else:
            y = weighted_sum(operators, signal, self.matrices(), bias)
        if call is not None and call.targets is not None:
            y = y[call.targets]
        y = self.finish(y) if self.finishes else y  # (M, *, C_out)
        if type(domain) is not Graph and type(domain) is not Frontier:
            y = self.out_domain(domain).from_sites(y)
        return y if call is None or call.finish is None else call.finish(y, operators)

    def operators(self, domain: Domain, x: Tensor | None = None) -> Sequence[Operator]:
        """The operators of the family, in the dtype of the signal but at least float32."""
        dtype = next(self.parameters(), torch.empty(0)).dtype if x is None else x.dtype
        dtype = torch.promote_types(dtype, torch.float32)
        if isinstance(domain, Frontier):
            return onto(self.on_whole(domain, dtype), domain)
        self._check_kind(domain)
        return self.applied(domain, dtype)

    def applied(self, domain: Domain, dtype: torch.dtype) -> Sequence[Operator]:
        """The operators of the family on a domain."""
        assert self.family is not None
        return self.family(domain, dtype)

    def on_whole(self, frontier: Frontier, dtype: torch.dtype) -> Sequence[Operator]:
        """The operators on the whole graph of a frontier.

        Raises:
            TypeError: if the layer needs the whole graph itself.
        """
        if self.per_edge or getattr(self, "onto", None) is not None:
            advice = "Pass the graph itself."
            raise wrong_type("domain", "be a whole graph, not a frontier,", frontier, advice)
        return self.applied(frontier.whole, dtype)

    def _check_kind(self, domain: Domain) -> None:
        if not isinstance(domain, self.kind):
            condition = f"be a {self.kind.__name__} for {type(self).__name__}"
            advice = "Use the layer for that domain."
            if isinstance(domain, StoredGraph):
                advice = "Pass one of its frontiers: graph.frontier(nodes, fanouts=...)."
            raise wrong_type("domain", condition, domain, advice)

    def matrices(self) -> Sequence[Tensor | None]:
        """The weights Wₖ: (in_channels, out_channels); or a number, of shape (1,); None for 1."""
        raise NotImplementedError

    def taps(self) -> Tensor:
        """The weights Wₖ. Shape (K, in_channels, out_channels)."""
        like = next(chain(self.parameters(), self.buffers()), torch.empty(0))
        size = self.width or 1
        return torch.stack([_written_out(W, size, like) for W in self.matrices()])

    def values(self, x: Tensor, domain: Domain) -> list[Tensor]:
        """The X Wₖ."""
        weights = [None if W is None else W.to(x.dtype) for W in self.matrices()]
        return [x if W is None else x @ W if W.ndim == 2 else x * W for W in weights]

    def out_domain(self, domain: Domain) -> Domain:
        """The same domain; of a frontier, the one that is as many hops further in."""
        if isinstance(domain, Frontier):
            return domain.inward(1 if self.per_edge else self._hops(domain))
        self._check_kind(domain)
        return domain

    def _hops(self, frontier: Frontier) -> int:
        return hops_of(self.on_whole(frontier, torch.float32))

    def check(self, x: Tensor, domain: Domain, transformed: bool) -> None:
        """Check that `x` is a valid signal for this layer on a domain.

        Raises:
            TypeError: if it is not floating point, or not of the layer's dtype.
            ValueError: if its shape is wrong, the input features contain NaN, or the graph has
                edge weights that the layer does not use.
        """
        if not self.reads_weights and domain.edge_weight is not None:  # type: ignore[attr-defined]
            refuse_weights(domain, self)  # type: ignore[arg-type]
        if not x.is_floating_point():
            raise wrong_dtype("x", "be floating point", x.dtype, "Convert it with x.float().")
        if x.layout not in (torch.strided, torch.sparse_coo, torch.sparse_csr):
            condition = "be dense, torch.sparse_coo or torch.sparse_csr"
            advice = "Convert it with x.to_sparse_csr() or x.to_dense()."
            raise wrong_dtype("x", condition, x.layout, advice)
        bias = self.bias  # quicker to find than the first of all parameters
        dtype = (next(self.parameters(), x) if bias is None else bias).dtype
        if x.dtype is not dtype and not torch.is_autocast_enabled(x.device.type):
            advice = f"Convert it with x.to({dtype}), or the layer with layer.to({x.dtype})."
            raise wrong_dtype("x", f"have the dtype of the layer, {dtype}", x.dtype, advice)
        sites = domain.num_nodes if type(domain) is Graph else domain.num_sites
        channels = self.width or x.shape[-1]
        if (
            x.shape[0] != sites
            or x.shape[-1] != channels
            or (type(domain) is Graph) > (x.ndim == 2)
        ):
            condition = f"have shape (N={sites}, in_channels={channels})"
            advice = "Give one row for each node, and set in_channels to the number of columns."
            raise invalid("x", condition, tuple(x.shape), advice)
        if type(domain) is Graph and x.device != domain.edge_index.device:
            advice = f"Move it with domain.to('{x.device}')."
            raise invalid("domain", f"be on the device of 'x', {x.device}", domain.device, advice)
        if not transformed and x.grad_fn is None:
            (check_not_nan if x.device.type == "cpu" else check_given)(x)

    def extra_repr(self) -> str:
        """The sizes, for `repr`."""
        return f"{self.in_channels}, {self.out_channels}, bias={self.bias is not None}"


class GraphConvolution(FamilyConvolution):
    """Y = Σₖ Sₖ X Wₖ + b with operators of your own, on a graph or any other domain.

    Args:
        in_channels: number of channels of the input.
        out_channels: number of channels of the output.
        operators: the family: a function of a domain and a dtype to the K operators Sₖ.
        num_operators: K; if not given, the number of operators on a graph of two nodes.
        out_domain: the domain of the output as a function of the domain, if that is another one.
        bias: whether to learn b.

    Shapes:
        Input (N, in_channels), output (N, out_channels) on a graph; on another domain its own
        layout, as (B, C, H, W) on a grid.

    Raises:
        ValueError: if `num_operators` is needed, or differs from the number of operators.

    Example:
        >>> from gnnvision.operators import I, normalized_adjacency
        >>> def two_hops(graph, dtype):
        ...     A = normalized_adjacency(graph, dtype=dtype)
        ...     return [I(graph, dtype), 0.5 * A + 0.5 * A @ A]
        >>> layer = GraphConvolution(4, 2, operators=two_hops)
        >>> graph = Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
        >>> layer(torch.ones(3, 4), graph).shape
        torch.Size([3, 2])
    """

    kind = Domain

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        operators: Family,
        *,
        num_operators: int | None = None,
        out_domain: Callable[..., Domain] | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__(integer("in_channels", in_channels, 1), out_channels, _checked(operators))
        self.onto = out_domain
        count = _count(operators) if num_operators is None else num_operators
        integer("num_operators", count, 1)
        self.weight = nn.Parameter(torch.empty(count, in_channels, out_channels))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize the weights with Glorot's uniform distribution and the bias with 0."""
        count, fan_in, fan_out = self.weight.shape
        bound = (6 / (count * (fan_in + fan_out))) ** 0.5
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def matrices(self) -> Sequence[Tensor]:
        """The weights Wₖ."""
        return self.weight.unbind(0)

    def out_domain(self, domain: Domain) -> Domain:
        """The domain that the operators map to."""
        return super().out_domain(domain) if self.onto is None else self.onto(domain)


class Propagation(FamilyConvolution):
    """Y = S X: an operator without weights, on a graph or any other domain.

    Args:
        operators: the family, a function of a domain and a dtype to the only operator S, in a
            list.
        out_domain: the domain of the output as a function of the domain, if that is another one,
            as after pooling.

    Shapes:
        Input (N, C), output (M, C) on a graph; on another domain its own layout.

    Example:
        >>> from gnnvision.operators import mean_adjacency
        >>> average = Propagation(lambda graph, dtype: [mean_adjacency(graph, dtype)])
        >>> graph = Graph.from_edges([(0, 1), (2, 1)], num_nodes=3)
        >>> average(torch.tensor([[1.0], [0.0], [3.0]]), graph).tolist()
        [[0.0], [2.0], [0.0]]
    """

    kind = Domain
    bias = None

    def __init__(
        self, operators: Family, *, out_domain: Callable[..., Domain] | None = None
    ) -> None:
        super().__init__(None, None, _checked(operators))
        self.onto = out_domain

    def matrices(self) -> Sequence[None]:
        """The identity."""
        return [None]

    def out_domain(self, domain: Domain) -> Domain:
        """The domain that the operator maps to."""
        return super().out_domain(domain) if self.onto is None else self.onto(domain)

    def extra_repr(self) -> str:
        """The name of the family, for `repr`."""
        return getattr(self.family, "__name__", type(self.family).__name__)


def weighted_sum(
    operators: Sequence[Operator],
    x: Tensor,
    matrices: Sequence[Tensor | None],
    bias: Tensor | None = None,
) -> Tensor:
    """Σₖ Sₖ X Wₖ + b, each product in the cheaper order.

    S (X W) if W removes columns, (S X) W if it adds columns; a sparse X is always multiplied by W
    first. Operators that share subexpressions are applied first, each subexpression once; and so
    are all operators on a small signal, whose products are multiplied by all Wₖ together.

    Args:
        operators: the Sₖ, from N sites to M.
        x: X. Shape (N, *, C_in).
        matrices: the Wₖ, of shape (C_in, C_out); or one number, of shape (1,), or None for 1.
        bias: b. Shape (C_out,).

    Returns:
        The sum. Shape (M, *, C_out).
    """
    if len(operators) != len(matrices):
        advice = "Give num_operators, the number that the family returns; Propagation has one."
        raise invalid("num_operators", f"be {len(operators)}", len(matrices), advice)
    for S in operators:
        if not isinstance(S, Operator):
            advice = "Make them of the functions in gnnvision.operators."
            raise wrong_type("operators", "return operators", S, advice)
    if (y := fused_sum(operators, x, matrices, bias)) is not None:
        return y
    if len(operators) > 1 and x.layout is torch.strided and x.ndim == 2:
        if any(isinstance(S, (Sum, Product)) for S in operators):
            written = [_written_out(W, x.shape[1], x) for W in matrices]
            return dense_product(torch.cat(apply_each(operators, x), 1), torch.cat(written), bias)
    y = None
    for S, W in zip(operators, matrices, strict=True):
        if W is None or W.ndim < 2:
            term = S.times(dense(x))
            term = term if W is None else term * W
        elif x.layout is not torch.strided:
            term = S.times(signal_operator(x).times(W))
        elif isinstance(S, First):
            term = S.times(x) @ W
        elif isinstance(S, Identity) or W.shape[0] >= W.shape[1]:
            term = S.times(dense_product(x, W))
        else:
            term = dense_product(S.times(x), W)
        y = term if y is None else y + term
    assert y is not None
    if bias is None:
        return y
    # In place, as no other code holds the products above; but not into a batched bias.
    return y + bias if is_transformed() else y.add_(bias)


def refuse_weights(graph: Graph, layer: nn.Module) -> None:
    """Check that a graph has no edge weights, for a layer that does not use them.

    Raises:
        ValueError: if it has; edge counts from pooling are accepted.
    """
    if not graph.weights_are_counts:
        condition = f"be left out for {type(layer).__name__}, which does not use edge weights"
        advice = "Use graph.without_weights(), or a layer with edge weights, such as GCNConv."
        raise invalid(
            "edge_weight", condition, f"a graph with {graph.num_edges} edge weights", advice
        )


def _checked(operators: Family) -> Family:
    if not callable(operators):
        condition = "be a function of a domain and a dtype"
        advice = "Use for example lambda graph, dtype: [normalized_adjacency(graph, dtype=dtype)]."
        raise wrong_type("operators", condition, operators, advice)
    return operators


def _count(operators: Family) -> int:
    """The number of operators of a family on two connected nodes."""
    pair = Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
    try:
        found = operators(pair, torch.get_default_dtype())
    except Exception as error:
        condition = "be given for a family that does not support a graph of two nodes"
        raise invalid("num_operators", condition, f"None ({error})", "Give K.") from error
    if not isinstance(found, Sequence) or not found:
        condition = "return a list of at least one operator"
        got = found if isinstance(found, Sequence) else type(found).__name__
        advice = "Use for example lambda graph, dtype: [normalized_adjacency(graph, dtype=dtype)]."
        raise wrong_dtype("operators", condition, got, advice)
    return len(found)


def _channels(number: int | None) -> int | None:
    if number is None or (isinstance(number, int) and number == -1):
        return number
    return integer("in_channels", number, 1)


def _written_out(weight: Tensor | None, size: int, like: Tensor) -> Tensor:
    if weight is not None and weight.ndim == 2:
        return weight
    one = torch.eye(size, dtype=like.dtype, device=like.device)
    return one if weight is None else weight * one
