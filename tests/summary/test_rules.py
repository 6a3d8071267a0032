import pytest
import torch

from gnnvision.summary.rules import JOINING, POINTWISE, RULES, is_pointwise

aten = torch.ops.aten


@pytest.mark.parametrize("name", ["relu", "gelu", "add_", "mul", "where", "hardswish_", "copy_"])
def test_number_by_number(name):
    packet = getattr(aten, name)
    assert is_pointwise(getattr(packet, packet.overloads()[0]))


@pytest.mark.parametrize("name", ["roll", "flip", "cumsum", "sort", "fft_fft", "mm", "index", "t"])
def test_not_number_by_number(name):
    packet = getattr(aten, name)
    assert not is_pointwise(getattr(packet, packet.overloads()[0]))


@pytest.mark.parametrize("name", sorted({*POINTWISE, *RULES, *JOINING}))
def test_every_rule_is_about_an_operation_that_there_is(name):
    assert hasattr(aten, name) or hasattr(aten, f"{name}_")


def test_no_rule_says_again_what_torch_says():
    for name in POINTWISE:
        packet = getattr(aten, name, None) or getattr(aten, f"{name}_")
        tags = [torch.Tag.pointwise in getattr(packet, o).tags for o in packet.overloads()]
        assert not all(tags), name
