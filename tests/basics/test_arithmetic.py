import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from gnnvision.basics import output_size, pool_size


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((28, 10, 2, 0), 10),
        ((100, 3, 2, "same"), 50),
        ((100, 3, 2, 1), 50),
        ((75, 3, 2, "same"), 38),
        ((5, 3, 2, 1), 3),
        ((4, 3, 1, "full"), 6),
        ((4, 3, 1, "same"), 4),
        ((4, 3, 1, "valid"), 2),
        ((256, 11), 246),
        ((28, 10, 1, "same"), 28),
    ],
)
def test_the_examples_of_the_notes(settings, expected):
    assert int(output_size(*settings)) == expected


def test_the_three_lengths():
    for n in range(3, 9):
        for k in (1, 3):
            lengths = [int(output_size(n, k, 1, name)) for name in ("valid", "same", "full")]
            assert lengths == [n - k + 1, n, n + k - 1]


def test_pooling():
    assert int(pool_size(100, 2)) == 50
    assert int(pool_size(4, 2, stride=1)) == 3
    assert int(pool_size(28, 2)) == 14


@given(*(st.integers(1, hi) for hi in (40, 9, 4)), st.integers(0, 5), st.integers(1, 3))
def test_it_is_what_torch_gives(n, f, s, p, d):
    assume(n + 2 * p >= d * (f - 1) + 1)
    x, w = torch.zeros(1, 1, n), torch.zeros(1, 1, f)
    out = torch.nn.functional.conv1d(x, w, stride=s, padding=p, dilation=d).shape[-1]
    worked = output_size(n, f, s, p, d)
    assert int(worked) == out
    assert worked.steps[-1].endswith(f"= {out}")


@given(*(st.integers(1, hi) for hi in (40, 9, 4)), st.integers(0, 5), st.integers(1, 3))
def test_every_line_says_the_same(n, f, s, p, d):
    """What a line says on its right is evaluated, as a student would check it."""
    assume(n + 2 * p >= d * (f - 1) + 1)
    worked = output_size(n, f, s, p, d)
    for line in worked.steps:
        if line.startswith("= "):
            for side in line[2:].split(" = "):
                value = eval(side.replace("·", "*"), {"floor": lambda v: v // 1})
                assert value == int(worked), line


def test_the_steps_of_a_name():
    assert output_size(28, 10, 1, "same").steps[0] == (
        "same: (10 - 1) / 2 = 4.5 is not a whole number: p₁ = 4 before and p₂ = 5 after"
    )
    assert output_size(4, 3, 1, "full").steps[0] == "full: p = f - 1 = 3 - 1 = 2"
    assert output_size(4, 3, 1, "valid").steps[0] == "valid: p = 0"
    assert "r = d(f - 1) + 1 = 5" in output_size(9, 3, dilation=2).steps[0]


def test_refusals():
    with pytest.raises(ValueError, match="'kernel_size' must fit into the padded input"):
        output_size(2, 3)
    with pytest.raises(ValueError, match="'padding' must be an integer, 'valid', 'same' or"):
        output_size(5, 3, 1, "some")
    with pytest.raises(ValueError, match="'stride' must be at least 1, got 0"):
        output_size(5, 3, 0)
    with pytest.raises(ValueError, match="'size' must be at least 1"):
        output_size(0, 1)
    with pytest.raises(TypeError, match="'size' must be an integer"):
        output_size(5.0, 3)
