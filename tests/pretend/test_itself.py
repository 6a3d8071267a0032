"""The pretended device refuses and counts what a real one would."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from . import pretended

REFUSED = {
    "a sum": lambda a, b: a + b,
    "a product": lambda a, b: a[None] @ b[:, None],
    "in place": lambda a, b: b.add_(a),
    "a number of the device, in place": lambda a, b: b.sum().add_(a.sum()),
    "joined": lambda a, b: torch.cat([a, b]),
    "joined with a number": lambda a, b: torch.stack([a.sum(), b.sum()]),
    "a layer": lambda a, b: F.linear(a, b[None]),
    "picked": lambda a, b: a.index_select(0, torch.tensor([0])),
    "picked by an index of the device": lambda a, b: b[torch.tensor([0], device="cuda")],
    "put": lambda a, b: a.index_put_((torch.tensor([0]),), torch.ones(1)),
    "drawn by a generator of the CPU": lambda a, b: torch.rand(
        2, device="cuda", generator=torch.Generator()
    ),
    "drawn in place": lambda a, b: a.normal_(generator=torch.Generator()),
    "drawn on the CPU by another": lambda a, b: torch.rand(2, generator=torch.Generator("cuda")),
    "a third device": lambda a, b: a.to("cuda:3"),
}
AS_ARRAY = {
    "numpy": lambda a: a.numpy(),
    "asarray": np.asarray,
    "from_numpy": lambda a: torch.from_numpy(a.numpy()),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_mixes_devices_is_refused(case):
    with pretended() as ledger:
        a, b = torch.ones(3, device="cuda"), torch.ones(3)
        with pytest.raises(RuntimeError):
            REFUSED[case](a, b)
    assert ledger.faults.total() == 1 or case == "a third device"


@pytest.mark.parametrize("case", AS_ARRAY)
def test_no_array_shares_the_memory_of_the_device(case):
    with pretended() as ledger:
        a = torch.ones(3, device="cuda")
        with pytest.raises(TypeError, match=r"Use Tensor.cpu\(\)"):
            AS_ARRAY[case](a)
        assert np.array_equal(a.cpu().numpy(), np.ones(3))
    assert ledger.faults.total() == 1


def test_what_a_device_allows(gpu):
    a, b = torch.ones(3, device="cuda"), torch.ones(3)
    assert a.device == torch.device("cuda", 0)
    assert a.is_cuda
    assert b.device.type == "cpu"
    assert (a + b.sum()).is_cuda
    assert a[torch.tensor([0, 2])].is_cuda
    assert torch.zeros_like(a).is_cuda
    assert a.new_ones(2).is_cuda
    assert a.new_ones(2, device="cpu").is_cpu
    assert torch.empty(3).copy_(a).is_cpu
    assert copy.deepcopy(nn.Linear(3, 2).to("cuda")).weight.is_cuda
    assert torch.rand(2, device="cuda", generator=torch.Generator("cuda")).is_cuda


def test_a_gradient_goes_back_to_where_its_tensor_is(gpu):
    x = torch.ones(3, requires_grad=True)
    layer = nn.Linear(3, 1).to("cuda")
    layer(x.to("cuda")).sum().cpu().backward()
    assert x.grad.is_cpu
    assert layer.weight.grad.is_cuda


WAITS = {
    "item": lambda a: a.sum().item(),
    "float": lambda a: float(a.sum()),
    "if": lambda a: bool((a > 0).any()),
    "list": lambda a: a.tolist(),
    "cpu": lambda a: a.cpu(),
    "nonzero": lambda a: a.nonzero(),
    "mask": lambda a: a[a > 0],
    "mask to write": lambda a: a.__setitem__(a > 0, a + 1),
    "unique": lambda a: a.unique(),
    "equal": lambda a: torch.equal(a, a),
    "repeated": lambda a: a.repeat_interleave(a.long()),
    "copied to the host": lambda a: torch.empty(3).copy_(a),
}
COPIES = {
    "to": lambda a: torch.ones(3).to("cuda"),
    "tensor": lambda a: torch.tensor([1.0], device="cuda"),
    "index": lambda a: a[torch.tensor([0])],
    "copied": lambda a: a.copy_(torch.ones(3)),
}
NEITHER = {
    "arithmetic": lambda a: (a + 1).sum() * 2,
    "pinned": lambda a: torch.ones(3).pin_memory().to("cuda", non_blocking=True),
    "made there": lambda a: torch.zeros(3, device="cuda"),
    "there already": lambda a: a.to("cuda"),
    "a slice": lambda a: a[1:],
    "repeated to a known size": lambda a: a.repeat_interleave(a.long(), output_size=3),
}


@pytest.mark.parametrize("case", [*WAITS, *COPIES, *NEITHER])
def test_waits_and_copies_are_counted_with_their_line(case, gpu):
    a = torch.ones(3, device="cuda")
    with gpu.counting() as here:
        (WAITS | COPIES | NEITHER)[case](a)
    assert here.waits.total() == (case in WAITS)
    assert here.copies.total() == (case in COPIES)
    assert all("test_itself.py:" in line for _, line in [*here.waits, *here.copies])


def test_a_device_without_float64():
    with pretended("mps") as ledger:
        assert torch.ones(2).to("mps").device.type == "mps"
        assert torch.ones(2, dtype=torch.float64).to("mps", torch.float32).is_mps
        for made in (
            lambda: torch.ones(2, dtype=torch.float64).to("mps"),
            lambda: torch.ones(2, device="mps").double(),
            lambda: torch.zeros(2, dtype=torch.float64, device="mps"),
        ):
            with pytest.raises(TypeError, match="float64"):
                made()
    assert ledger.faults.total() == 3


def test_everything_is_put_back():
    before = torch.zeros, torch.Tensor.to, torch.Generator, torch.cuda.is_available()
    with pretended():
        assert torch.cuda.is_available()
    assert (torch.zeros, torch.Tensor.to, torch.Generator, torch.cuda.is_available()) == before
    assert torch.ones(2).device.type == "cpu"
