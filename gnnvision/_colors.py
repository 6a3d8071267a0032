"""The colors of classes, the same in every figure."""

__all__ = ["CLASS_COLORS", "UNKNOWN", "class_color"]

# The eight colors of Okabe and Ito (2008), told apart with any color vision, the strongest
# contrasts first; then two that a ninth and a tenth class can have, which also differ in shape.
CLASS_COLORS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#3B3B3B",
    "#8A1A5B",
    "#8E8B3A",
)
UNKNOWN = "#b9c0c8"


def class_color(number: int) -> str:
    """The color of a class; gray for an unknown one. The ten colors repeat."""
    return UNKNOWN if number < 0 else CLASS_COLORS[number % len(CLASS_COLORS)]
