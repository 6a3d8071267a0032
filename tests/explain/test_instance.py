import pytest
import torch

import gnnvision as gv
from gnnvision.explain.instance import (
    copies_of,
    expand_to_sites,
    sample_of_site,
    sum_per_sample,
)

from .nets import images, molecules


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


def test_images():
    x, grid = images(3), gv.Grid((8, 10))
    torch.testing.assert_close(sum_per_sample(x, grid), x.sum((1, 2, 3)))
    sample = sample_of_site(x, grid)
    assert sample.shape == (3, 8, 10)
    assert [int(m.unique()) for m in sample] == [0, 1, 2]
    wide = expand_to_sites(torch.arange(9.0).view(3, 3), x, grid)
    torch.testing.assert_close(wide, torch.arange(9.0).view(3, 3, 1, 1).expand(3, 3, 8, 10))
    assert copies_of(x, grid, 3) is grid


def test_graphs():
    x, batch = molecules()
    assert torch.equal(sample_of_site(x, batch), batch.graph_index)
    values = torch.arange(float(batch.num_graphs))
    wide = expand_to_sites(values, x, batch)
    torch.testing.assert_close(wide, values[batch.graph_index][:, None].expand_as(x))
    copies = copies_of(x, batch, 3)
    parts = batch.unbatch()
    assert copies.num_graphs == 3 * len(parts)
    for copied, part in zip(copies.unbatch(), 3 * parts, strict=True):
        assert torch.equal(copied.edge_index, part.edge_index)
    assert copies_of(x, batch, 3) is copies
    assert copies_of(x, batch, 1) is batch
