"""A recorded computation runs again on what its inputs are then."""

import pytest
import torch
from torch import nn

from gnnvision.training.tape import NotRepeatable, Tape


def test_gradients_of_new_values():
    """Views, operations in place, several results, and gradients."""
    torch.manual_seed(0)
    x, weight = torch.randn(5, 3), torch.randn(3, 2, requires_grad=True)
    count = torch.zeros(())

    def compute():
        count.add_(1)
        y = (x @ weight).add_(1).relu()
        top = y.max(1)
        loss = top.values.sum() + y.view(-1)[::2].square().sum()
        return [*torch.autograd.grad(loss, weight), loss.detach(), top.indices, x]

    tape = Tape(compute)
    for scale in (0.5, -2.0):
        with torch.no_grad():
            weight.mul_(scale)
            x.add_(0.1)
        found = tape.run()
        for one, other in zip(found, compute(), strict=True):
            assert torch.equal(one, other)
        assert not any(tensor.requires_grad for tensor in found)
    assert count == 5


def test_buffers_are_changed_again():
    """Batch normalization counts its batches."""
    norm = nn.BatchNorm1d(2)
    x = torch.randn(6, 2)
    tape = Tape(lambda: [norm(x)])
    tape.run()
    assert norm.num_batches_tracked == 2


def test_what_is_not_needed_is_not_computed():
    """Only what leads to the results, or changes a tensor."""
    x = torch.ones(3)
    tape = Tape(lambda: [x + 1, (x * 2, x - 1)[1]])
    assert torch.ops.aten.mul.Tensor not in tape._values
    assert [value.tolist() for value in tape.run()] == [[2.0] * 3, [0.0] * 3]


@pytest.mark.parametrize(
    "compute",
    [
        lambda: [torch.ones(2) * float(torch.ones(()))],
        lambda: [torch.rand(2)],
        lambda: [torch.nn.functional.dropout(torch.ones(4), 0.5)],
        lambda: [torch.ones(2)] if torch.equal(torch.ones(1), torch.ones(1)) else [],
    ],
    ids=["value", "random", "dropout", "equal"],
)
def test_what_may_differ_is_refused(compute):
    """Values that Python reads, and random numbers."""
    with pytest.raises(NotRepeatable):
        Tape(compute)
