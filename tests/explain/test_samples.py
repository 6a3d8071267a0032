import pytest
import torch

import gnnvision as gv
from gnnvision.explain.samples import (
    count_samples,
    expand_to_sites,
    rank_per_sample,
    sample_of_site,
    select_samples,
    sum_per_sample,
)

from .nets import images, molecules


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


def test_images():
    x, grid = images(3), gv.Grid((8, 10))
    assert count_samples(x, grid) == 3
    torch.testing.assert_close(sum_per_sample(x, grid), x.sum((1, 2, 3)))
    sample = sample_of_site(x, grid)
    assert sample.shape == (3, 8, 10)
    assert [int(m.unique()) for m in sample] == [0, 1, 2]
    wide = expand_to_sites(torch.arange(9.0).view(3, 3), x, grid)
    torch.testing.assert_close(wide, torch.arange(9.0).view(3, 3, 1, 1).expand(3, 3, 8, 10))
    several, same = select_samples(grid, x, [2, 0, 2])
    assert same is grid
    assert torch.equal(several, x[[2, 0, 2]])


def test_graphs():
    x, batch = molecules()
    assert count_samples(x, batch) == batch.num_graphs
    assert torch.equal(sample_of_site(x, batch), batch.graph_index)
    values = torch.arange(float(batch.num_graphs))
    wide = expand_to_sites(values, x, batch)
    torch.testing.assert_close(wide, values[batch.graph_index][:, None].expand_as(x))
    several, graphs = select_samples(batch, x, [1, 1, 0])
    parts = batch.unbatch()
    assert graphs.num_graphs == 3
    assert torch.equal(graphs.unbatch()[1].edge_index, parts[1].edge_index)
    own = x.split(batch.offsets.diff().tolist())
    assert torch.equal(several, torch.cat([own[1], own[1], own[0]]))


def test_ranks_are_within_samples():
    sample = torch.tensor([0, 1, 0, 1, 0])
    values = torch.tensor([5.0, 1.0, 7.0, 0.0, 6.0])
    assert rank_per_sample(values, sample).tolist() == pytest.approx([1 / 3, 1, 1, 0.5, 2 / 3])
