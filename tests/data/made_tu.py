"""A small graph classification set in TU's text layout."""

import zipfile

# 4 graphs of 3, 2, 1 and 2 nodes; nodes 6, 7 and 8 have no edges.
SPLIT_NAMES = {
    "A": "1, 2\n2, 1\n2, 3\n3, 2\n4, 5\n5, 4",
    "graph_indicator": "1\n1\n1\n2\n2\n3\n4\n4",
    "graph_labels": "1\n-1\n-1\n1",
    "node_labels": "0\n3\n0\n7\n0\n3\n3\n0",
    "edge_labels": "4\n4\n6\n6\n4\n4",
}


def files(name, **changes):
    """The content of each file; a changed part may be on one line, None leaves it out."""
    parts = {key: value for key, value in (SPLIT_NAMES | changes).items() if value is not None}
    lines = {k: v if "," in v else v.replace(" ", "\n") for k, v in parts.items()}
    return {f"{name}_{key}.txt": value.encode("latin1") for key, value in lines.items()}


def rings(num_graphs=60):
    """Rings and paths of 4 to 8 nodes of one kind: which is which, no sum over nodes says."""
    indicator, pairs, labels = [], [], []
    for graph in range(num_graphs):
        size, first = 4 + graph // 2 % 5, len(indicator) + 1
        indicator += [graph + 1] * size
        path = [(first + i, first + i + 1) for i in range(size - 1)]
        path += [(first + size - 1, first)] if graph % 2 else []
        pairs += path + [(b, a) for a, b in path]
        labels.append(graph % 2)
    return {
        "A": "\n".join(f"{a}, {b}" for a, b in pairs),
        "graph_indicator": "\n".join(map(str, indicator)),
        "graph_labels": "\n".join(map(str, labels)),
        "node_labels": None,
        "edge_labels": None,
    }


def write(folder, name, **changes):
    """The files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files(name, **changes).items():
        (folder / file).write_bytes(content)


def pack(path, name, **changes):
    """The files in an archive, below a folder as in those of the collection."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/README.txt", "A test.")
        for file, content in files(name, **changes).items():
            archive.writestr(f"{name}/{file}", content)
