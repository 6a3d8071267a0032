import os
import pickle
import struct
import time
from collections import OrderedDict, defaultdict

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from gnnvision.data import UnsafePickleError, safe_loads

from . import made


def test_reads_what_python_2_wrote():
    words = csr_matrix(np.array([[0, 1.5, 0], [2, 0, 3]], dtype=np.float32))
    again = safe_loads(made.dumps(words))
    assert isinstance(again, csr_matrix)
    assert (again != words).nnz == 0
    for array in (np.arange(6, dtype=np.int32).reshape(2, 3), np.array([True, False])):
        again = safe_loads(made.dumps(array))
        assert again.dtype == array.dtype
        np.testing.assert_array_equal(again, array)
    graph = safe_loads(made.dumps({0: [1, 2], 1: [0]}))
    assert type(graph) is dict
    assert graph == {0: [1, 2], 1: [0]}


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_reads_what_python_3_writes(protocol):
    content = {
        "plain": [1, 2.5, None, True, (3, "x"), {4}, b"raw", 2**70],
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big endian": np.arange(3, dtype=">i4"),
        "empty": np.zeros((0, 4)),
        "scalar": np.float64(0.5),
        "default": defaultdict(list, {1: [2]}),
        "csr": csr_matrix(np.eye(3)),
    }
    again = safe_loads(pickle.dumps(content, protocol))
    assert again["plain"] == content["plain"]
    np.testing.assert_array_equal(again["fortran"], content["fortran"])
    assert again["big endian"].tolist() == [0, 1, 2]
    assert again["empty"].shape == (0, 4)
    assert (again["scalar"], again["default"]) == (0.5, {1: [2]})
    assert (again["csr"] != content["csr"]).nnz == 0


def test_reads_a_batch_of_cifar():
    pixels = np.arange(6144, dtype=np.int64).astype(np.uint8).reshape(2, 3072)
    content = {"batch_label": "training batch 1 of 5", "labels": [6, 9], "data": pixels}
    items = b"".join(made.text(key) + made.python2(value) for key, value in content.items())
    again = safe_loads(b"\x80\x02}(" + items + b"u.")
    np.testing.assert_array_equal(again["data"], pixels)
    assert again["data"].dtype == np.uint8
    assert (again["labels"], again["batch_label"]) == ([6, 9], "training batch 1 of 5")


def test_a_shared_array_stays_shared():
    array = np.arange(3)
    again = safe_loads(pickle.dumps([array, array], 4))
    assert again[0] is again[1]


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call

    def __call__(self):
        """Lets one call be the function of another: getattr(os, "system")("...")."""


def attacks(sentinel):
    touch = f"touch {sentinel}"
    code = f"open({str(sentinel)!r}, 'w').close()"
    call = b"U" + bytes([len(touch)]) + touch.encode()
    for module in (b"os", b"posix"):
        yield b"c" + module + b"\nsystem\n(" + call + b"tR."
    yield from (
        pickle.dumps(thing, protocol)
        for protocol in (0, 2, 4, 5)
        for thing in (
            Calls(os.system, touch),
            Calls(eval, code),
            Calls(exec, code),
            [1, {"deep": (Calls(eval, code),)}],
            defaultdict(list, {0: [Calls(eval, code)]}),
            Calls(getattr, [], "append"),
            Calls(Calls(getattr, Calls(__import__, "os"), "system"), touch),
            Calls(__import__, "os"),
            Calls(np.load, str(sentinel)),
            Calls(torch.load, str(sentinel)),
            np.ma.masked_array([1]),
            np.rec.array([(1, 2.0)]),
            OrderedDict(a=1),
            torch.zeros(2),
            slice(2),
            bytearray(b"x"),
            frozenset({1}),
            complex(1, 2),
            type,
        )
    )
    for module, attribute in (
        ("builtins", "getattr"),
        ("__builtin__", "eval"),
        ("builtins", "bytearray"),
        ("_codecs", "encode"),
        ("codecs", "decode"),
        ("copy_reg", "_reconstructor"),
        ("copyreg", "__newobj__"),
        ("numpy.f2py", "run_main"),
        ("numpy.testing._private.utils", "runstring"),
        ("numpy", "load"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy", "ndarray.tofile"),
        ("collections", "namedtuple"),
        ("functools", "partial"),
        ("operator", "attrgetter"),
        ("scipy.sparse", "load_npz"),
        ("scipy.sparse.csr", "os.system"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch.serialization", "load"),
        ("subprocess", "Popen"),
        ("gnnvision.data.records", "Record"),
    ):
        yield made.name(module, attribute) + b"(" + call + b"tR."  # GLOBAL, REDUCE
        yield b"(i" + made.name(module, attribute)[1:] + b"."  # INST
        both = b"".join(b"\x8c" + bytes([len(t)]) + t.encode() for t in (module, attribute))
        yield b"\x80\x04" + both + b"\x93(" + call + b"tR."  # STACK_GLOBAL
    yield b"Pevil\n."  # PERSID
    yield b"]Q."  # BINPERSID
    yield b"\x82\x01."  # EXT1


def test_nothing_unsafe_runs(tmp_path):
    sentinel = tmp_path / "ran"
    count = 0
    for data in attacks(sentinel):
        with pytest.raises(UnsafePickleError, match="It was not executed; do not trust the file"):
            safe_loads(data)
        assert not sentinel.exists()
        count += 1
    assert count > 100


def test_the_error_names_what_was_asked_for(tmp_path):
    with pytest.raises(UnsafePickleError, match=r"uses (posix|nt)\.system, which plain"):
        safe_loads(pickle.dumps(Calls(os.system, "true")))
    with pytest.raises(UnsafePickleError, match="uses the operation EXT1"):
        safe_loads(b"\x82\x01.")


def test_an_attack_after_good_arrays_does_not_run(tmp_path):
    sentinel = tmp_path / "ran"
    good = made.python2(np.arange(3))
    bad = pickle.dumps(Calls(os.system, f"touch {sentinel}"), 2)[2:-1]
    with pytest.raises(UnsafePickleError):
        safe_loads(b"\x80\x02](" + good + bad + b"e.")
    assert not sentinel.exists()


def test_the_names_allowed_stay_as_they_are():
    """BUILD with a state on a class or a list must not change them for the next reader."""
    state = b"}X\x04\x00\x00\x00evilK\x01s"
    for module, attribute in (
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("__builtin__", "list"),
        ("collections", "defaultdict"),
        ("_codecs", "encode"),
        ("copy_reg", "_reconstructor"),
        ("__builtin__", "int"),
        ("__builtin__", "object"),
        ("numpy._core.numeric", "_frombuffer"),
    ):
        for built in (state, b"N" + state + b"\x86"):
            with pytest.raises(ValueError, match=r"damaged|do not trust"):
                safe_loads(b"\x80\x02" + made.name(module, attribute) + built + b"b.")
    from gnnvision.data import records

    assert not hasattr(records.DtypeRecord, "evil")
    assert not hasattr(records.ArrayRecord, "evil")


def truncated():
    whole = made.dumps({0: [1, 2], 1: [0]})
    return [whole[:end] for end in range(len(whole))]


def huge_csr():
    matrix = csr_matrix(np.eye(2))
    matrix.indices[1] = 99
    return made.dumps(matrix)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\x80\x02" + made.array(np.zeros(2), (10**9, 10**9)) + b".", "in 16 bytes"),
        (b"\x80\x02" + made.array(np.zeros(2), (-1, -2)) + b".", "invalid shape"),
        (b"\x80\x02" + made.array(np.zeros(2), ("a",)) + b".", "invalid shape"),
        (huge_csr(), "has invalid arrays"),
        (b"r" + struct.pack("<I", 2**31 - 1) + b".", "memo entry"),
        (b"\x80\x02N" + b"r" + struct.pack("<I", 2**31 - 1) + b".", "memo entry 2147483647"),
        (b"\x8e" + struct.pack("<Q", 2**60) + b"x.", "damaged"),
        (b"T" + struct.pack("<i", 2**31 - 1) + b"x.", "damaged"),
        (b"I" + b"9" * 5000 + b"\n.", "damaged"),
        (b"](" * 500 + b"e" * 500 + b".", "damaged"),
        (b"\x80\x02]q\x00h\x00a.", "nested more than"),
        (b"\x80\x02" + made.name("numpy", "ndarray") + b".", "damaged"),
        (b"\x80\x02" + made.name("numpy", "dtype") + b")R.", "on its own"),
        (pickle.dumps(np.array([1], dtype=object), 3), "arrays of type"),
        (b"", "damaged"),
        (b"not a pickle", "damaged"),
        (bytes(range(256)), "The pickle"),
    ],
)
def test_a_damaged_pickle_is_one_clear_error(data, fault):
    with pytest.raises(ValueError, match=fault):
        safe_loads(data)


def test_every_truncation_is_an_error():
    for data in truncated():
        with pytest.raises(ValueError, match="The pickle is damaged"):
            safe_loads(data)


def test_random_changes_never_do_worse_than_a_value_error():
    whole = bytearray(made.dumps({0: [1, 2], 1: np.arange(3), 2: csr_matrix(np.eye(2))}))
    rng = np.random.default_rng(0)
    for _ in range(1000):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        try:
            safe_loads(bytes(data))
        except ValueError:
            pass


def test_a_dag_of_shared_lists_is_resolved_once():
    level: list = []
    for _ in range(30):
        level = [level, level]
    again = safe_loads(pickle.dumps(level, 4))
    assert again[0] is again[1]


PAIR = b"\x80\x02N" + b"2\x86" * 60  # fifty pairs and ten, each of the pair before it


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02}" + PAIR[2:] + b"Ns.",  # a key
        b"\x80\x04\x8f(" + PAIR[2:] + b"\x90.",  # an element of a set
        b"\x80\x02}(" + PAIR[2:] + b"Nu.",
        b"\x80\x02}N" + b"q\x00h\x00\x86" * 60 + b"Ns.",  # through the memo
        b"\x80\x02}(" + b"N" * 20_000 + b"tNs.",
        PAIR + b".",
    ],
)
def test_tuples_that_take_forever_to_hash(data):
    begin = time.monotonic()
    with pytest.raises(ValueError, match=r"a tuple of more than 10000 places|damaged"):
        safe_loads(data)
    assert time.monotonic() - begin < 1


def nested_lists():
    """A list of two lists, of two, of two ...: 2^60 elements in a few bytes."""
    return b"]" + b"q\x00]h\x00ah\x00a" * 60


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02"
        + made.array(np.zeros(2), (2,)).replace(made.python2((2,)), nested_lists())
        + b".",
        b"\x80\x02" + nested_lists() + b".",
        b"\x80\x02}" + b"c__builtin__\nbytes\nI1000000000000\n\x85R" + b"Ns.",
        b"\x80\x02c__builtin__\nint\nX\x40\x00\x00\x00" + b"9" * 64 + b"\x85R.",
        b"\x80\x02]" + (b"\x8a\x40" + b"\x01" * 64 + b"a") * 2000 + b".",  # integers of 64 bytes
    ],
)
def test_what_would_grow_beyond_its_file(data):
    begin = time.monotonic()
    with pytest.raises(ValueError, match=r"damaged|do not trust"):
        safe_loads(data)
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        {"a": [1, (2.5, None)], (1, ("b", 2)): {3, 4}},
        [True, False, -1, 2**63 - 1, "\u00e9\uac00"],
        [((n, n + 1), n) for n in range(3000)],
        {((1, 2), (3, 4)): [(5, 6)] * 5000},
    ],
)
def test_every_protocol(content, protocol):
    assert safe_loads(pickle.dumps(content, protocol)) == content


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_in_every_protocol(protocol):
    arrays = [np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))]
    arrays += [np.array([1, 2], ">i2"), np.array([True]), np.array(3.5), np.zeros((0, 4), "u1")]
    for array in arrays:
        again = safe_loads(pickle.dumps(array, protocol))
        np.testing.assert_array_equal(again, array)
        assert again.shape == array.shape
    read_only = np.arange(3)
    read_only.flags.writeable = False
    np.testing.assert_array_equal(safe_loads(pickle.dumps(read_only, protocol)), read_only)
    assert safe_loads(pickle.dumps(np.float32(0.5), protocol)) == 0.5
    matrix = csr_matrix(np.eye(3))
    assert (safe_loads(pickle.dumps(matrix, protocol)) != matrix).nnz == 0
