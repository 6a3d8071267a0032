import io

import numpy as np
import pytest

from gnnvision.data.npz import unpack_arrays


def stored(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_arrays_come_back():
    held = {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": np.array(["x", "yz"])}
    again = unpack_arrays(stored(**held))
    assert list(again) == ["a", "b"]
    for name, array in held.items():
        np.testing.assert_array_equal(again[name], array)
        assert again[name].dtype == array.dtype


def test_every_flipped_byte_is_found_or_changes_nothing():
    array = np.arange(40, dtype=np.float32)
    whole = stored(a=array)
    found = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        try:
            again = unpack_arrays(bytes(damaged))
        except ValueError:
            found += 1
        else:  # a date, a permission, a name
            assert all(np.array_equal(value, array) for value in again.values())
    assert found > 300  # of its header and its values, each one


def test_objects_are_not_unpickled():
    with pytest.raises(ValueError, match="cannot be read: Object arrays"):
        unpack_arrays(stored(a=np.array([{}], dtype=object)))
