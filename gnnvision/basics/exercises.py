"""A standard exercise: the output shapes and parameters of a network, layer by layer.

Layers are described as on an exercise sheet, without anything that is to be calculated: a dense
layer does not state its input size. `exercise` calculates the solution step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from gnnvision.basics.arithmetic import output_size
from gnnvision.basics.calculation import Calculation
from gnnvision.basics.counting import conv_parameters, dense_parameters
from gnnvision.domains import Grid
from gnnvision.errors import invalid, wrong_type

__all__ = [
    "ALEXNET",
    "ALEXNET_ON_TWO_GPUS",
    "LENET",
    "Conv",
    "Dense",
    "Exercise",
    "Flatten",
    "Pool",
    "Row",
    "exercise",
    "format_shape",
]


@dataclass(frozen=True)
class Conv:
    """A 2-D convolution layer.

    Args:
        filters: N, the number of kernels.
        kernel_size: f.
        stride: s.
        padding: p, or "valid", "same" or "full".
        groups: G, the number of channel groups.
    """

    filters: int
    kernel_size: int
    stride: int = 1
    padding: int | str = 0
    groups: int = 1

    def __str__(self) -> str:
        more = [f"stride {self.stride}"] if self.stride > 1 else []
        if self.padding:
            more.append(self.padding if isinstance(self.padding, str) else f"pad {self.padding}")
        if self.groups > 1:
            more.append(f"{self.groups} groups")
        return ", ".join([f"Conv {self.filters}, {self.kernel_size}×{self.kernel_size}", *more])


@dataclass(frozen=True)
class Pool:
    """A max or average pooling layer; their shapes are the same.

    Args:
        kernel_size: f.
        stride: s; the window size if not given.
    """

    kernel_size: int
    stride: int | None = None

    def __str__(self) -> str:
        more = "" if self.stride is None else f", stride {self.stride}"
        return f"Pool {self.kernel_size}×{self.kernel_size}{more}"


@dataclass(frozen=True)
class Flatten:
    """A layer that flattens its input into a vector."""

    def __str__(self) -> str:
        return "Flatten"


@dataclass(frozen=True)
class Dense:
    """A dense (fully connected) layer.

    Args:
        units: the number of outputs.
    """

    units: int

    def __str__(self) -> str:
        return f"Dense {self.units:,}"


Layer = Conv | Pool | Flatten | Dense
Shape = tuple[int, ...]

# LeNet-5 of LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document
# Recognition", 1998, with every kernel of the second convolution as deep as its input (there,
# each sees only some channels), and pooling without parameters.
LENET: tuple[Layer, ...] = (
    Conv(6, 5),
    Pool(2),
    Conv(16, 5),
    Pool(2),
    Conv(120, 5),
    Flatten(),
    Dense(84),
    Dense(10),
)


def _alexnet(groups: int) -> tuple[Layer, ...]:
    return (
        Conv(96, 11, stride=4),
        Pool(3, 2),
        Conv(256, 5, padding="same", groups=groups),
        Pool(3, 2),
        Conv(384, 3, padding="same"),
        Conv(384, 3, padding="same", groups=groups),
        Conv(256, 3, padding="same", groups=groups),
    )


# The convolutions of Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep
# Convolutional Neural Networks", 2012. The input is 227 wide: with the 224 of the paper,
# (224 - 11) / 4 is not a whole number. The paper splits layers 2, 4 and 5 over two GPUs; the usual
# count does not.
ALEXNET, ALEXNET_ON_TWO_GPUS = _alexnet(1), _alexnet(2)


@dataclass(frozen=True)
class Row:
    """The solution for one layer.

    Args:
        layer: the layer.
        input_shape: (H, W, C), or (n,) after Flatten.
        output_shape: (H, W, C), or (n,) after Flatten.
        sizes: the calculations of output height and width; empty for Flatten and Dense.
        parameters: the calculation of the number of parameters.
    """

    layer: Layer
    input_shape: Shape
    output_shape: Shape
    sizes: tuple[Calculation, ...]
    parameters: Calculation

    @property
    def steps(self) -> tuple[str, ...]:
        """Every line of the calculation; height and width together if they are equal."""
        lines = []
        names = ("height", "width")
        if len(self.sizes) == 2 and self.sizes[0] == self.sizes[1]:
            names = ("height and width", "")
        for name, worked in zip(names, self.sizes, strict=False):
            if name:
                lines += [f"{name}:", *(f"  {step}" for step in worked.steps)]
        if isinstance(self.layer, Flatten):
            lines.append(f"{format_shape(self.input_shape)} = {prod(self.input_shape):,}")
        return (*lines, "parameters:", *(f"  {step}" for step in self.parameters.steps))


@dataclass(frozen=True)
class Exercise:
    """A solved exercise. `print` shows every step.

    Args:
        input_shape: of the image, (H, W, C).
        rows: the solution for each layer.
    """

    input_shape: Shape
    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """The number of parameters of all layers."""
        return sum(int(row.parameters) for row in self.rows)

    @property
    def convolution_parameters(self) -> int:
        """The number of parameters of the convolutions."""
        return sum(int(row.parameters) for row in self.rows if isinstance(row.layer, Conv))

    def __str__(self) -> str:
        blocks = []
        for row in self.rows:
            head = (
                f"{row.layer}: {format_shape(row.input_shape)} → {format_shape(row.output_shape)}"
            )
            blocks.append("\n".join([head, *(f"    {step}" for step in row.steps)]))
        return "\n\n".join([*blocks, f"total: {self.parameters:,} parameters"])


def exercise(input_shape: Sequence[int], layers: Sequence[Layer]) -> Exercise:
    """Calculate the output shapes and parameters of a network, layer by layer.

    Args:
        input_shape: height, width and channels of the image, in the order of the exercise sheet;
            PyTorch puts the channels first.
        layers: `Conv`, `Pool`, `Flatten` and `Dense`, in order.

    Returns:
        The solution, with every step.

    Raises:
        TypeError: if a layer is of another type, or a size is not an integer.
        ValueError: if a layer does not fit its input.

    Example:
        >>> done = exercise((28, 28, 3), [Conv(32, 3, padding="same"), Flatten(), Dense(10)])
        >>> print(done)
        Conv 32, 3×3, same: 28×28×3 → 28×28×32
            height and width:
              same: p = (f - 1) / 2 = (3 - 1) / 2 = 1
              floor((n + 2p - f) / s) + 1
              = (28 + 2·1 - 3) / 1 + 1
              = 27 / 1 + 1
              = 27 + 1 = 28
            parameters:
              f²·C·N + N
              = 3²·3·32 + 32
              = 864 + 32 = 896
        <BLANKLINE>
        Flatten: 28×28×32 → 25,088
            28×28×32 = 25,088
            parameters:
              no parameters: 0
        <BLANKLINE>
        Dense 10: 25,088 → 10
            parameters:
              n₁·n₂ + n₂
              = 25,088·10 + 10
              = 250,880 + 10 = 250,890
        <BLANKLINE>
        total: 251,786 parameters
    """
    if len(input_shape) != 3:
        condition, got = "be (height, width, channels)", tuple(input_shape)
        raise invalid("input_shape", condition, got, "Use for example (28, 28, 3).")
    shape = Grid(tuple(input_shape)).shape
    rows = []
    for layer in layers:
        row = _row(layer, shape)
        rows.append(row)
        shape = row.output_shape
    return Exercise(tuple(input_shape), tuple(rows))


def _row(layer: Layer, shape: Shape) -> Row:
    no_parameters = Calculation(0, ("no parameters: 0",))
    match layer:
        case Conv() | Pool() if len(shape) != 3:
            got = f"{layer} after Flatten, with an input of {format_shape(shape)} values"
            advice = "Move Flatten() after it."
            raise invalid("layers", f"have {layer} before Flatten", got, advice)
        case Conv(filters, f, s, p, groups):
            sizes = tuple(output_size(n, f, s, p) for n in shape[:2])
            parameters = conv_parameters(shape[2], filters, f, groups=groups)
            return Row(layer, shape, (int(sizes[0]), int(sizes[1]), filters), sizes, parameters)
        case Pool(f, stride):
            sizes = tuple(output_size(n, f, f if stride is None else stride) for n in shape[:2])
            return Row(
                layer, shape, (int(sizes[0]), int(sizes[1]), shape[2]), sizes, no_parameters
            )
        case Flatten():
            return Row(layer, shape, (prod(shape),), (), no_parameters)
        case Dense(units):
            if len(shape) != 1:
                got = f"an input of shape {format_shape(shape)}"
                advice = "Insert Flatten() before it."
                raise invalid("layers", f"have Flatten before {layer}", got, advice)
            return Row(layer, shape, (units,), (), dense_parameters(shape[0], units))
    raise wrong_type("layers", "be Conv, Pool, Flatten or Dense", layer, "Use one of these.")


def format_shape(shape: Sequence[int]) -> str:
    """Format a shape, for example "28×28×3"."""
    return "×".join(f"{size:,}" for size in shape)
