"""Small files in the format of the Planetoid repository, pickled as Python 2 did."""

import struct

import numpy as np
from scipy.sparse import csr_matrix

from gnnvision.data.card import Card, DataFile, SplitRule


def text(value):
    """A string of Python 2, or any bytes, as the operation BINSTRING."""
    raw = value.encode("latin1") if isinstance(value, str) else value
    return b"T" + struct.pack("<i", len(raw)) + raw


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def python2(value):
    """The operations that put `value` on the stack, as numpy 1 and scipy 0.17 wrote them."""
    if value is None or value is True or value is False:
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, (str, bytes)):
        return text(value)
    if isinstance(value, tuple):
        return b"(" + b"".join(map(python2, value)) + b"t"
    if isinstance(value, list):
        return b"](" + b"".join(map(python2, value)) + b"e"
    if isinstance(value, dict):
        make = name("collections", "defaultdict") + name("__builtin__", "list") + b"\x85R"
        return make + b"(" + b"".join(python2(k) + python2(v) for k, v in value.items()) + b"u"
    if isinstance(value, np.dtype):
        state = (3, "|" if value.itemsize == 1 else "<", None, None, None, -1, -1, 0)
        make = name("numpy", "dtype") + python2((value.str[1:], 0, 1)) + b"R"
        return make + python2(state) + b"b"
    if isinstance(value, np.ndarray):
        return array(value, value.shape)
    if isinstance(value, csr_matrix):
        state = {
            "_shape": value.shape,
            "maxprint": 50,
            "data": value.data,
            "indices": value.indices,
            "indptr": value.indptr,
        }
        items = b"".join(text(key) + python2(item) for key, item in state.items())
        return name("scipy.sparse.csr", "csr_matrix") + b")\x81}(" + items + b"ub"
    raise TypeError(type(value))


def array(value, shape):
    """An array that claims to have `shape`."""
    make = name("numpy.core.multiarray", "_reconstruct") + b"("
    make += name("numpy", "ndarray") + python2((0,)) + text("b") + b"tR"
    state = b"(" + python2(1) + python2(shape) + python2(value.dtype) + python2(False)
    return make + state + text(value.tobytes()) + b"tb"


def dumps(value):
    return b"\x80\x02" + python2(value) + b"."


def planetoid(folder, seed=0, card_name="tiny", missing=True):
    """Write a tiny Planetoid set; node 13 is missing from the files if `missing`.

    12 nodes in allx of which 4 train and 3 validate, 5 test nodes, 2 classes, 6 words.

    Returns:
        Its card, with unknown checksums.
    """
    rng = np.random.default_rng(seed)
    test = np.array([15, 12, 17, 14, 16] if missing else [15, 12, 13, 14, 16])
    words = (rng.random((17, 6)) < 0.5).astype(np.float32)
    words[:, 0] = 1
    labels = np.eye(2, dtype=np.int32)[rng.permutation(np.arange(17) % 2)]
    labels[:4] = np.eye(2, dtype=np.int32)[[0, 1, 0, 1]]
    size = 18 if missing else 17
    graph = {node: rng.choice(size, 3).tolist() for node in range(size)}
    graph[0] += [0, 1, 1]  # a self loop and an edge named twice
    graph[13] = [] if missing else graph[13]
    parts = {
        "x": csr_matrix(words[:4]),
        "y": labels[:4],
        "tx": csr_matrix(words[12:]),
        "ty": labels[12:],
        "allx": csr_matrix(words[:12]),
        "ally": labels[:12],
        "graph": graph,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for part, value in parts.items():
        (folder / f"ind.{card_name}.{part}").write_bytes(dumps(value))
    (folder / f"ind.{card_name}.test.index").write_text("".join(f"{i}\n" for i in test))
    return card(card_name)


def card(card_name="tiny", **changes):
    """The card of the set that `planetoid` writes."""
    ends = ("x", "y", "tx", "ty", "allx", "ally", "graph", "test.index")
    values = {
        "name": card_name,
        "title": card_name.title(),
        "kind": "node",
        "description": "Made by a test.",
        "source": "A test.",
        "license": "None.",
        "citation": "None.",
        "folder": f"{card_name.title()}/raw",
        "files": tuple(DataFile(f"ind.{card_name}.{end}") for end in ends),
        "class_names": ("a", "b"),
        "splits": {
            "public": SplitRule("made", per_class=2, num_val=3, num_test=5),
            "random": SplitRule("made", per_class=2, num_val=3, num_test=5),
        },
    }
    return Card(**(values | changes))
