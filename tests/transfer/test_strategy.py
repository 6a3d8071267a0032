"""The four strategies, and the table that chooses among them."""

import pytest

from gnnvision.transfer import Backbone, apply_strategy, choose_strategy
from gnnvision.transfer.strategy import num_trained

from .tasks import small_network


@pytest.mark.parametrize(
    ("items", "similarity", "strategy"),
    [(5000, 0.1, "whole"), (5000, 0.9, "last"), (400, 0.1, "part"), (400, 0.9, "head")],
)
def test_the_table_of_the_lectures(items, similarity, strategy):
    choice = choose_strategy(items, 2, similarity, "measured so")
    assert choice.strategy == strategy
    size = "large" if items == 5000 else "small"
    assert f"the dataset is {size} ({items:,} training items; large from 2,000)" in choice.reason
    assert ("similar to" if similarity > 0.5 else "unlike") in choice.reason
    assert "(measured so)" in str(choice)


def test_each_trains_more_than_the_one_before():
    for blocks in range(1, 40):
        counts = [num_trained(blocks, name) for name in ("head", "last", "part", "whole")]
        assert counts[0] == 0 < counts[1] <= counts[2] <= counts[3] == blocks


def test_going_back_unfreezes():
    model = Backbone(small_network())
    learned = {n for n, p in model.named_parameters() if p.requires_grad}
    assert apply_strategy(model, "head") == []
    assert {n for n, p in model.named_parameters() if p.requires_grad} == {
        f"network.{n}" for n, m in model.network.named_parameters() if m is model.head[0].weight
    }
    assert apply_strategy(model, "whole") == [b.name for b in model.blocks]
    assert {n for n, p in model.named_parameters() if p.requires_grad} == learned


def test_an_unknown_one():
    with pytest.raises(ValueError, match=r"'strategy' must be one of 'whole', 'part', 'last'"):
        apply_strategy(Backbone(small_network()), "all")
