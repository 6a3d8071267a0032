import numpy as np
import pytest

from gnnvision.data.records import ArrayRecord, ArrayType, DtypeRecord, resolve


def array(code, order, shape, raw):
    dtype = DtypeRecord(code, 0, 1)
    dtype.__setstate__((3, order, None, None, None, -1, -1, 0))
    record = ArrayRecord(ArrayType(), (0,), b"b")
    record.__setstate__((1, shape, dtype, False, raw))
    return record


def test_an_array_is_rebuilt_from_its_record():
    raw = np.array([[1, 2], [3, 4]], dtype=">i2").tobytes()
    again = resolve({"a": [array("i2", ">", (2, 2), raw)]}, {}, 0)["a"][0]
    assert again.tolist() == [[1, 2], [3, 4]]
    assert again.dtype == np.int16
    again[0, 0] = 9  # a copy of its own, not a view of read-only bytes


@pytest.mark.parametrize("code", ["O", "O8", "V4", "S4", "U4", "M8", "m8", "c16", "object", 7])
def test_only_numbers_and_truth_values_make_arrays(code):
    with pytest.raises(ValueError, match="arrays of type"):
        resolve(array(code, "<", (1,), b"\0" * 8), {}, 0)


def test_a_shape_must_fit_its_bytes():
    with pytest.raises(ValueError, match=r"array of shape \(3,\) and type float64 in 16 bytes"):
        resolve(array("f8", "<", (3,), b"\0" * 16), {}, 0)
