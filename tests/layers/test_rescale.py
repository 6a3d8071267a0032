"""From numbers around 0 to the units of the targets."""

import pytest
import torch

from gnnvision.layers import Rescale


def test_it_begins_as_the_identity():
    x = torch.randn(5, 2, dtype=torch.float32)
    assert torch.equal(Rescale(2).float()(x), x)


def test_each_target_has_its_own_units():
    layer = Rescale(2)
    layer.initialize_targets(torch.tensor([1.0, -2.0]), torch.tensor([3.0, 0.5]))
    assert layer(torch.tensor([[1.0, 2.0], [0.0, 0.0]])).tolist() == [[4, -1], [1, -2]]


def test_the_units_are_stored_with_the_weights_and_not_learned():
    layer, other = Rescale(1), Rescale(1)
    layer.initialize_targets(torch.tensor([7.0]), torch.tensor([2.0]))
    other.load_state_dict(layer.state_dict())
    assert other(torch.tensor([[1.0]])).item() == 9
    assert not list(layer.parameters())


def test_another_number_of_targets():
    with pytest.raises(ValueError, match="'num_outputs' must be the number of targets, 3, got 1"):
        Rescale(1).initialize_targets(torch.zeros(3), torch.ones(3))
