import pytest
import torch

from gnnvision.operators import Identity, Operator

from ..algebra import assert_operator_laws


@pytest.mark.parametrize("n", [0, 1, 4])
def test_identity(n):
    S = Identity(n)
    assert_operator_laws(S)
    torch.testing.assert_close(S.to_dense(), torch.eye(n))
    assert S.T is S
    x = torch.randn(n, 2)
    assert S @ x is x


def test_a_family_that_leaves_something_out_cannot_be_made():
    class Half(Operator):
        def apply(self, x):
            return x / 2

    with pytest.raises(TypeError, match="abstract"):
        Half()


def test_to_dense_in_another_precision():
    assert Identity(3).to_dense(torch.float32).dtype is torch.float32
