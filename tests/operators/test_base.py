import numpy as np
import pytest
import torch

from gnnvision.operators import (
    I,
    Identity,
    Operator,
    Product,
    Shift,
    adjacency,
    apply_each,
    arriving,
    leaving,
    mean_adjacency,
    normalized_adjacency,
)
from gnnvision.operators.families import chebyshev, personalized_pagerank, powers

from ..algebra import assert_operator_laws
from ..graphs import GRAPHS, directed, multi, undirected


@pytest.mark.parametrize("n", [0, 1, 4])
def test_identity(n):
    S = Identity(n)
    assert_operator_laws(S)
    torch.testing.assert_close(S.to_dense(), torch.eye(n))
    assert S.T is S
    x = torch.randn(n, 2)
    assert S @ x is x


def test_a_kind_that_leaves_something_out_cannot_be_made():
    class Half(Operator):
        def apply(self, x):
            return x / 2

    with pytest.raises(TypeError, match="abstract"):
        Half()


EXPRESSIONS = {
    "sum": lambda A, M: A + M,
    "difference": lambda A, M: A - M,
    "scaled": lambda A, M: 0.5 * A - M * 2,
    "negative": lambda A, M: -A,
    "divided": lambda A, M: (A + M) / 4,
    "sum of a list": lambda A, M: sum([A, M, A]),
    "scaled by numpy": lambda A, M: np.float32(0.5) * A + M * np.int64(3),
    "product": lambda A, M: A @ M,
    "power": lambda A, M: A**3,
    "no power": lambda A, M: A**0,
    "transpose": lambda A, M: (A @ M + 2 * A).T,
    "all of them": lambda A, M: 0.1 * A**0 + 0.9 * (A @ (M - A)).T @ A**2,
}


@pytest.mark.parametrize("make", EXPRESSIONS.values(), ids=EXPRESSIONS)
@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_an_expression_is_that_of_the_matrices(graph, make):
    A, M = normalized_adjacency(graph()), mean_adjacency(graph())
    S = make(A, M)
    assert_operator_laws(S)
    dense = make(Dense(A.to_dense()), Dense(M.to_dense())).matrix
    torch.testing.assert_close(S.to_dense(), dense)


class Dense:
    """A matrix whose power is that of matrices, not of entries."""

    def __init__(self, matrix):
        self.matrix = matrix

    def __add__(self, other):
        return Dense(self.matrix + other.matrix)

    def __sub__(self, other):
        return Dense(self.matrix - other.matrix)

    def __mul__(self, scale):
        return Dense(scale * self.matrix)

    __rmul__ = __mul__

    def __neg__(self):
        return Dense(-self.matrix)

    def __radd__(self, zero):
        return self

    def __truediv__(self, scale):
        return Dense(self.matrix / scale)

    __array_ufunc__ = None

    def __matmul__(self, other):
        return Dense(self.matrix @ other.matrix)

    def __pow__(self, k):
        return Dense(torch.linalg.matrix_power(self.matrix, k))

    @property
    def T(self):
        return Dense(self.matrix.T)


FAMILIES = {
    "chebyshev": lambda graph: chebyshev(graph, torch.float64, 4),
    "powers": lambda graph: powers(graph, torch.float64, 3),
    "pagerank": lambda graph: personalized_pagerank(graph, torch.float64, 3, 0.1),
}


@pytest.mark.parametrize("make", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_laws_of_families(graph, make):
    for S in make(graph()):
        assert_operator_laws(S)


def test_common_parts_are_applied_once():
    class Counted(Identity):
        count = 0

        def apply(self, x):
            Counted.count += 1
            return 2 * x

    A, x = Counted(3), torch.randn(3, 2)
    third = apply_each([A**0, A, A**2, A**3], x)[-1]
    assert Counted.count == 3
    torch.testing.assert_close(third, 8 * x)
    T = [A**0, A]
    for _ in range(3):
        T.append(2 * (A @ T[-1]) - T[-2])
    Counted.count = 0
    apply_each(T, x)
    assert Counted.count == 4


def test_between_nodes_and_edges():
    graph = directed()
    S = arriving(graph) @ leaving(graph).T
    assert_operator_laws(S)
    torch.testing.assert_close(S.to_dense(), adjacency(graph, weighted=False).to_dense())


def test_a_scale_may_be_learned():
    A, x = normalized_adjacency(multi()), torch.randn(6, 2)
    scale = torch.tensor(0.5, requires_grad=True)
    ((scale * A) @ x).sum().backward()
    torch.testing.assert_close(scale.grad, (A @ x).sum())


@pytest.mark.parametrize("sites", [[], [2], [4, 0, 4]])
def test_rows_of_any_operator(sites):
    graph = multi()
    A, sites = normalized_adjacency(graph), torch.tensor(sites, dtype=torch.int64)
    for S in (A, A @ A, 2 * A + I(graph), A.T, I(graph), Shift(torch.tensor([1, -1, 0] * 2), 6)):
        rows = S.rows(sites)
        assert_operator_laws(rows)
        torch.testing.assert_close(rows.to_dense(), S.to_dense()[sites])


def test_dtypes_are_kept():
    graph = undirected()
    single, double = (normalized_adjacency(graph, dtype=d) for d in (torch.float32, torch.float64))
    assert (single @ single).to_dense().dtype is torch.float32
    assert (single + double).dtype is torch.float64
    assert chebyshev(graph, torch.float64, 3)[2].to_dense().dtype is torch.float64
    assert (2 * double @ torch.ones(5, 1).float()).dtype is torch.float32
    assert Identity(3).to_dense(torch.float32).dtype is torch.float32


def test_what_does_not_fit_is_refused():
    A, E = adjacency(directed()), arriving(multi())
    with pytest.raises(TypeError, match=r"'x' must be a torch\.Tensor or an operator, got list"):
        A @ [1.0, 2.0]
    for add in (lambda: A + 1, lambda: 1 + A):
        with pytest.raises(TypeError, match="'operator' must be an Operator, got int"):
            add()
    with pytest.raises(TypeError, match="'x' must be to the right of an operator, got a Tensor"):
        torch.ones(2, 5) @ A
    with pytest.raises(TypeError, match="'scale' must be a number, or a tensor of one element"):
        A * torch.ones(5)
    with pytest.raises(ValueError, match=r"'operator' must have shape \(5, 5\), .* got \(6, 9\)"):
        A + E
    with pytest.raises(ValueError, match="'operator' must have 5 output sites"):
        A @ E
    with pytest.raises(ValueError, match=r"'operator' must have shape \(N, N\), got \(6, 9\)"):
        E**2
    with pytest.raises(TypeError, match=r"'exponent' must be an integer, got 0\.5"):
        A**0.5
    with pytest.raises(ValueError, match="'exponent' must be at least 0, got -1"):
        A**-1
    assert isinstance(A @ A, Product)
