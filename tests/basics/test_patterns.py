import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from gnnvision.basics import (
    convolve,
    correlate,
    cosine_similarity,
    dot_product,
    find_pattern,
    output_at,
)

# Three examples of lectures 003, 000 and 004: input and kernel.
PRODUCT_EXAMPLE = (
    ((10, 20, 30, 40), (0, 1, 0, 1), (30, 0, 10, 20), (0, 10, 20, 30)),
    ((1, 0), (0, 2)),
)
FEATURE_EXAMPLE = (
    ((1, 1, 1, 0, 0), (0, 1, 1, 1, 0), (0, 0, 1, 1, 1), (0, 0, 1, 1, 0), (0, 1, 1, 0, 0)),
    ((1, 0, 1), (0, 1, 0), (1, 0, 1)),
)
SIGNAL_EXAMPLE = ((2, 2, 2, 2, 2, 9, 9, 9), (-1, 0, 1))

IMAGE, FILTER = (torch.tensor(part) for part in PRODUCT_EXAMPLE)


def test_the_examples_of_the_notes():
    assert IMAGE.tolist()[0] == [10, 20, 30, 40]
    assert correlate(IMAGE, FILTER)[0, :2].tolist() == [12, 20]
    image, kernel = (torch.tensor(part) for part in FEATURE_EXAMPLE)
    assert correlate(image, kernel).tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]
    signal, kernel = (torch.tensor(part) for part in SIGNAL_EXAMPLE)
    worked = output_at(signal, kernel, 4)
    assert int(worked) == 7
    assert worked.steps[0] == "2·(-1) + 9·0 + 9·1"


@st.composite
def cases(draw, modes=("zeros",)):
    """Sizes and options that torch takes."""
    ndim = draw(st.integers(1, 3))
    kernel = [draw(st.integers(1, 4)) for _ in range(ndim)]
    dilation = draw(st.integers(1, 2))
    size = [draw(st.integers(dilation * (k - 1) + 3, 12)) for k in kernel]
    options = {
        "stride": draw(st.integers(1, 3)),
        "padding": draw(st.integers(0, 2)),
        "dilation": dilation,
    }
    mode = draw(st.sampled_from(modes))
    return torch.randn(size).double(), torch.randn(kernel).double(), options, mode


CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@given(cases())
def test_it_is_torchs_convolution(case):
    x, w, options, _ = case
    expected = CONVOLUTIONS[x.ndim](x[None, None], w[None, None], **options)[0, 0]
    torch.testing.assert_close(correlate(x, w, **options), expected)


@given(cases(modes=("zeros", "replicate", "reflect", "circular")))
def test_padding_modes_are_torchs(case):
    x, w, options, mode = case
    padding = options.pop("padding")
    padded = F.pad(
        x[None, None],
        [padding] * (2 * x.ndim),
        "constant" if mode == "zeros" else mode,
    )
    expected = CONVOLUTIONS[x.ndim](padded, w[None, None], **options)[0, 0]
    found = correlate(x, w, padding=padding, padding_mode=mode, **options)
    torch.testing.assert_close(found, expected)


@given(cases())
def test_every_number_is_worked_out_right(case):
    x, w, _, _ = case
    y = correlate(x, w)
    for place in {(0,) * x.ndim, tuple(m - 1 for m in y.shape)}:
        assert float(output_at(x, w, *place)) == pytest.approx(float(y[place]))


@given(cases())
def test_turned_around_it_commutes(case):
    """With full padding convolution is a product: it does not matter which is the kernel."""
    x, w, _, _ = case
    torch.testing.assert_close(convolve(x, w, padding="full"), convolve(w, x, padding="full"))


def test_turned_around_it_multiplies_polynomials():
    product = convolve(torch.tensor([1, 2]), torch.tensor([1, 3, 1]), padding="full")
    assert product.tolist() == [1, 5, 7, 2]  # (1 + 2x)(1 + 3x + x²)


@given(cases())
def test_a_pattern_that_moves_moves_in_the_output(case):
    x, w, _, _ = case
    w = w[tuple(slice(0, n) for n in x.shape)]
    axes = tuple(range(x.ndim))
    options = {"padding": "same", "padding_mode": "circular"}
    moved = correlate(x.roll([1] * x.ndim, axes), w, **options)
    torch.testing.assert_close(moved, correlate(x, w, **options).roll([1] * x.ndim, axes))


def test_similarity():
    a, b = torch.tensor([3.0, 4.0]), torch.tensor([4.0, -3.0])
    assert dot_product(a, b) == 0
    assert cosine_similarity(a, 7 * a) == pytest.approx(1)
    assert cosine_similarity(a, -a) == pytest.approx(-1)
    assert cosine_similarity(a, torch.zeros(2)) == 0


def test_a_piece_is_found_where_it_was_cut():
    image = torch.rand(20, 30) + torch.linspace(0, 9, 30)  # brighter to the right
    piece = image[4:9, 3:8]
    found, place = find_pattern(image, piece)
    assert place == (4, 3)
    assert float(found.max()) == pytest.approx(1)
    assert float(found.abs().max()) <= 1 + 1e-9
    assert find_pattern(image, piece, "dot")[1] != (4, 3)  # misled by brightness
    window = image[2:7, 6:11]
    cosine, _ = find_pattern(image, piece, "cosine")
    assert float(cosine[2, 6]) == pytest.approx(cosine_similarity(window, piece))
    pair = torch.stack([window.flatten(), piece.flatten()]).double()
    assert float(found[2, 6]) == pytest.approx(float(torch.corrcoef(pair)[0, 1]))


def test_nothing_is_found_in_a_constant_image():
    found, _ = find_pattern(torch.full((9, 9), 0.1), torch.eye(3))
    assert not found.any()


def test_refusals():
    with pytest.raises(ValueError, match="'kernel' must have as many axes as 'signal'"):
        correlate(IMAGE, torch.ones(2))
    with pytest.raises(ValueError, match="'kernel_size' must fit into the padded input"):
        correlate(IMAGE, torch.ones(5, 5))
    with pytest.raises(ValueError, match="'position' must be inside the output of size"):
        output_at(IMAGE, FILTER, 3, 0)
    with pytest.raises(ValueError, match="'b' must have the shape of 'a'"):
        dot_product(torch.ones(3), torch.ones(2))
    with pytest.raises(
        ValueError, match="'by' must be one of 'dot', 'cosine', 'centered', got 'best'"
    ):
        find_pattern(IMAGE, FILTER, "best")
