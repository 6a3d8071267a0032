"""Build `embedded/stdlib.npz`: the import graph of Python's standard library.

Modules cite modules through their import statements, like documents in a citation graph. The
stored file was built from the library of CPython 3.11.7 and the pages of Debian's
python3.11-doc 3.11.2-6:

    apt-get download python3.11-doc && dpkg-deb -x python3.11-doc_*.deb /tmp/pydoc
    python3.11 datasets/build_stdlib.py --docs /tmp/pydoc/usr/share/doc/python3.11/html

Nodes. Modules with Python source, without EXCLUDED, that import or are imported by another one.
    Modules written in C (`sys`, `math`) have no Python source and are not nodes.
Edges. Every import statement, also inside a function, cites the deepest node that its dotted
    name resolves to: `from email import policy` cites `email.policy`. Both directions are stored.
Features. The words in a module's source: identifiers, comments and strings, split at underscores
    and capitals, in lower case, with three letters or more. Import statements and the names of
    top-level modules are left out, as these are the edges. Words must occur in at least
    MIN_MODULES and at most MAX_SHARE of the modules, which replaces a list of stop words. Of
    these, the NUM_WORDS with the most occurrences per module that contains them are kept, as
    words of the subject are repeated and fillers are not. The rule does not use the labels.
Labels. The chapter of the library reference that documents the module or else its closest
    parent package; small chapters are merged in TOPICS. Modules of the other chapters (such
    as "Superseded Modules") and undocumented ones have no label, -100.
Split. In the order of the SHA-256 of "stdlib:" and the module's name, the first
    TRAIN_PER_CLASS of each class are the training split; of the rest of the class, the first
    third is the validation split and the others are the test split.
"""

import argparse
import ast
import hashlib
import io
import re
import sys
import sysconfig
import tokenize
import zipfile
import zlib
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Tests, demonstrations, bundled tools, generated tables, and files outside the release.
EXCLUDED = frozenset(
    "test tests idlelib turtledemo lib2to3 ensurepip encodings pydoc_data site-packages "
    "lib-dynload __phello__ __hello__ __main__".split()
)
EXCLUDED_PREFIXES = ("_sysconfigdata", "config-")

TOPICS = {
    "Data types and text": "Text Processing Services; Binary Data Services; Data Types; "
    "Numeric and Mathematical Modules; Functional Programming Modules",
    "Files and persistence": "File and Directory Access; Data Persistence; "
    "Data Compression and Archiving; File Formats",
    "Operating system and interfaces": "Generic Operating System Services; "
    "Unix Specific Services; MS Windows Specific Services; Program Frameworks; "
    "Graphical User Interfaces with Tk",
    "Concurrency and networking": "Concurrent Execution; "
    "Networking and Interprocess Communication",
    "Internet data and protocols": "Internet Data Handling; Internet Protocols and Support",
    "Structured markup": "Structured Markup Processing Tools",
    "Packaging and distribution": "Software Packaging and Distribution",
    "Language, runtime and development": "Development Tools; Debugging and Profiling; "
    "Python Runtime Services; Custom Python Interpreters; Importing Modules; "
    "Python Language Services",
}
UNLABELED = -100
NUM_WORDS = 1000
MIN_MODULES = 10
MAX_SHARE = 0.2
TRAIN_PER_CLASS = 10


def find_modules(library: Path) -> dict[str, Path]:
    """Return the source file of each module in the folder `library`, by dotted name."""
    modules = {}
    for path in library.rglob("*.py"):
        parts = path.relative_to(library).with_suffix("").parts
        if EXCLUDED.isdisjoint(parts) and not any(p.startswith(EXCLUDED_PREFIXES) for p in parts):
            modules[".".join(parts).removesuffix(".__init__")] = path
    if not modules:
        raise ValueError(
            f"'library' must be a folder of Python modules, got {library}. "
            "Pass the folder with os.py."
        )
    return dict(sorted(modules.items()))


def read_chapters(docs: Path) -> dict[str, str]:
    """Return the chapter title of each documented module.

    Sphinx's inventory has the page of each module, and the breadcrumbs of the page have its
    chapter.
    """
    inventory = docs / "objects.inv"
    if not inventory.is_file():
        raise ValueError(
            f"'docs' must be a folder of Sphinx HTML with objects.inv, got {docs}. "
            "Pass the html folder of python3.11-doc."
        )
    *_, packed = inventory.read_bytes().split(b"\n", 4)
    chapters = {}
    for line in zlib.decompress(packed).decode().splitlines():
        name, kind, _, page, *_ = line.split()
        if kind == "py:module" and page.startswith("library/"):
            html = (docs / page.partition("#")[0]).read_text(encoding="utf-8")
            crumb = re.search(r'nav-item-2"><a href="[^"]*"[^>]*>([^<]*)</a>', html)
            if crumb:
                chapters[name] = crumb[1]
    return chapters


def prefixes(name: str) -> Iterator[str]:
    """Yield a dotted name, then each of its parent packages."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def find_topic(name: str, chapters: dict[str, str]) -> int:
    """Return the index in TOPICS of a module's chapter, or UNLABELED."""
    chapter = next((chapters[p] for p in prefixes(name) if p in chapters), None)
    groups = [titles.split("; ") for titles in TOPICS.values()]
    return next((i for i, titles in enumerate(groups) if chapter in titles), UNLABELED)


def find_citations(name: str, is_package: bool, tree: ast.AST, known: dict[str, Path]) -> set[str]:
    """Return the modules in `known`, other than `name`, that the import statements refer to."""
    cited: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = [*name.split("."), "__init__"] if is_package else name.split(".")
            above = parts[: -node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            targets = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        cited.update(next((p for p in prefixes(t) if p in known), name) for t in targets)
    return cited - {name}


def count_words(source: str, tree: ast.AST) -> Counter[str]:
    """Count the words of a module's source in lower case, without import statements."""
    lines = source.split("\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    text = re.sub(r"\\.", " ", "\n".join(lines))  # the n of an escaped newline begins no word
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)
    return Counter(word.lower() for word in words if len(word) > 2)


def choose_vocabulary(bags: Sequence[Counter[str]], banned: Container[str]) -> list[str]:
    """Return the NUM_WORDS words with the most occurrences per bag that contains them, sorted."""
    holders = Counter(word for bag in bags for word in bag if word not in banned)
    total: Counter[str] = Counter()
    for bag in bags:
        total.update(bag)
    fit = [w for w, n in holders.items() if MIN_MODULES <= n <= MAX_SHARE * len(bags)]
    fit.sort(key=lambda word: (-total[word] / holders[word], word))
    return sorted(fit[:NUM_WORDS])


def make_split(names: Sequence[str], y: Array) -> dict[str, Array]:
    """Return sorted node indices of `train`, `val` and `test`."""
    keys = [hashlib.sha256(f"stdlib:{name}".encode()).digest() for name in names]
    order = sorted(range(len(names)), key=keys.__getitem__)
    split: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for label in range(len(TOPICS)):
        nodes = [node for node in order if y[node] == label]
        rest = nodes[TRAIN_PER_CLASS:]
        split["train"] += nodes[:TRAIN_PER_CLASS]
        split["val"] += rest[: len(rest) // 3]
        split["test"] += rest[len(rest) // 3 :]
    return {name: np.array(sorted(nodes), dtype=np.int64) for name, nodes in split.items()}


def build(library: Path, docs: Path) -> dict[str, Array]:
    """Return the arrays of the dataset, each readable without pickle.

    Args:
        library: Folder of the standard library's sources.
        docs: Folder of the built HTML documentation.
    """
    modules, chapters = find_modules(library), read_chapters(docs)
    bags, cited = {}, {}
    for name, path in modules.items():
        with tokenize.open(path) as file:
            source = file.read()
        tree = ast.parse(source)
        bags[name] = count_words(source, tree)
        cited[name] = find_citations(name, path.name == "__init__.py", tree, modules)
    pairs = {pair for a, targets in cited.items() for b in targets for pair in ((a, b), (b, a))}
    names = sorted({a for a, _ in pairs})
    index = {name: i for i, name in enumerate(names)}

    top_level = {name.partition(".")[0] for name in modules}
    vocabulary = choose_vocabulary([bags[name] for name in names], top_level)
    rows = [[j for j, word in enumerate(vocabulary) if word in bags[name]] for name in names]
    indices = np.array([j for row in rows for j in row], dtype=np.int32)
    y = np.array([find_topic(name, chapters) for name in names], dtype=np.int64)
    edges = sorted((index[a], index[b]) for a, b in pairs)
    return {
        "edge_index": np.array(edges, dtype=np.int64).reshape(-1, 2).T.copy(),
        "feature_indptr": np.cumsum([0, *map(len, rows)], dtype=np.int64),
        "feature_indices": indices,
        "feature_data": np.ones(len(indices), dtype=np.uint8),
        "feature_shape": np.array([len(names), len(vocabulary)], dtype=np.int64),
        "y": y,
        "node_names": np.array(names, dtype=np.str_),
        "class_names": np.array(list(TOPICS), dtype=np.str_),
        "feature_names": np.array(vocabulary, dtype=np.str_),
        **make_split(names, y),
    }


def write_npz(path: Path, arrays: dict[str, Array]) -> None:
    """Write a compressed npz file whose bytes depend only on the arrays, not on the time."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
            archive.writestr(entry, buffer.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def main(argv: Sequence[str] | None = None) -> None:
    """Build the file and print the numbers for its card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    here, library = Path(__file__).parent, Path(sysconfig.get_path("stdlib"))
    parser.add_argument(
        "--docs", type=Path, required=True, help="folder of the unpacked HTML documentation"
    )
    parser.add_argument(
        "--library",
        type=Path,
        default=library,
        help="folder of the standard library (default: %(default)s)",
    )
    parser.add_argument(
        "--out", type=Path, default=here / "embedded" / "stdlib.npz", help="output file"
    )
    args = parser.parse_args(argv)
    try:
        arrays = build(args.library, args.docs)
    except ValueError as error:
        parser.error(str(error))
    write_npz(args.out, arrays)

    content = args.out.read_bytes()
    print(f"{args.out}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    print({name: (str(array.dtype), array.shape) for name, array in arrays.items()})
    labels, counts = np.unique(arrays["y"], return_counts=True)
    print({int(label): int(count) for label, count in zip(labels, counts, strict=True)})


if __name__ == "__main__":
    main(sys.argv[1:])
