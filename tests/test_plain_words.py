"""What users read uses the terms of the field, one word for each thing, in US spelling.

The glossary is the table below: a pattern that must not appear, and what to say instead. It is
held against every string of prose in the package, the experiments and the benchmarks, the
docstrings of public names, the templates, the cards of the data sets and the pages of the
repository.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = sorted(p for p in (ROOT / "gnnvision").iterdir() if p.is_dir() and p.name[0] != "_")
CODE = [*ROOMS, ROOT / "experiments", ROOT / "benchmarks", ROOT / "datasets"]
CODE += [ROOT / "docs" / "gallery"]
PAGES = [ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING")]
PAGES += sorted(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts)

SAY_INSTEAD = {
    # one word for each thing
    r"\bpictures?\b": "image, or figure for what is drawn",
    r"\b(train(ing)?|validation|test)[ -]parts?\b|\bpart (that )?(trains?|validates|tests?)\b": "split",
    r"\bin two parts\b|\bparts? of the split\b|\ball parts\b.*\bsplit": "split",
    r"\bpapers of (Cora|a citation|the citation|the graph)|\bpapers? before and after": "documents",
    r"\bsite's owner\b": "node, image or graph",
    r"\bcorners? of (a|the) mesh\b": "vertex",
    r"\bsurest\b": "most confident",
    r"\bmistakes?\b": "error",
    r"\blikeness(es)?\b": "similarity",
    r"\bsurroundings\b": "environment",
    r"\bbeside\b": "compared with, next to, together with",
    # sections and axes of reports
    r"\btaken for\b": "confusion matrix, false positive rate",
    r"\bcan (the probabilities|it|they) be believed\b": "calibration",
    r"\bshare (that is yes|of the (no|yes)'s)\b": "observed frequency, true positive rate",
    r"\bhow far off\b": "residuals, error",
    r"\bwhat the layers do\b": "embedding (t-SNE) before and after",
    r"\bwhat it says\b|\bwhat (the|a) (model|network) (says|makes)\b|\bsays? of (it|the|each)\b": "prediction, output",
    r"\bgiven back\b": "reconstruction",
    r"\b(first|second) direction\b": "PC 1, PC 2",
    r"\bwhat the atoms add\b": "atom attributions",
    r"\bwhere the model can be trusted\b": "applicability domain",
    r"\bhow to run it again\b|\bmake this page again\b": "reproduce",
    r"\bwhom to cite\b": "dataset and citation",
    r"\bwhat (it|they|he|she) sees?\b|\bheard from\b|\bhear from\b": "receptive field",
    r"\bwhy this answer\b": "attribution",
    r"\bworthless here\b|\bdrawn again\b": "fails the parameter-randomization test; cascading randomization",
    r"\bthrough ten numbers\b": "10-d latent",
    r"\bmuch learnt elsewhere\b": "transfer learning",
    # errors
    r"\bto tell (classes|numbers)\b": "classification or regression",
    r"\bmust let the loss fall\b": "loss diverged (nan) in epoch 3; lower the learning rate",
    r"\b(can|could|to) be had\b|\bcannot be had\b|\bwas not had\b": "loaded, downloaded, available",
    r"\bneither there\b": "not found",
    r"\b(said|says so) loudly\b|\bloudly\b": "with a prominent warning",
    r"\bchoose its way\b": "data-dependent control flow",
    r"\b(that|which) (is|are) no molecules?\b|\bno molecule keeps\b": "invalid SMILES",
    r"\bthat is none\b": "name what it is not",
    r"\bends? with (the same bits|one sentence)\b": "bit-exact; exit code 2 and one line",
    r"\bfreeze holds\b": "freezing also fixes BatchNorm statistics and dropout",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bopenly\b": "limitations",
    r"\bsame contest\b": "not comparable",
    r"\bblind to\b": "structure-agnostic",
    r"\bof today\b": "say the year, or tuned",
    r"\bgo(es)? on with\b|\bcan go on\b": "continue, resume",
    r"\bgive back\b": "return",
    r"\bfor people\b": "as text, readable",
    r"\bblanked\b": "erased (cutout)",
    # verbs, pronouns and turns of a private dialect
    r"\blikewise\b": "as for `name`, the same for",
    r"\band the like\b": "and others, and similar objects",
    r"\b(must|can|cannot|may) hold\b|\bholds? (the|a|an|its|all|one|both|several|each|indices|values"
    r"|labels|integers|numbers|images|everything)\b": "contain, have",
    r"\b(which|that|who) ha(s|ve) none\b|\bone that does\b": "repeat the noun",
    r"\bwhere there (is|are) none\b": "if there is none",
    r"\bin words\b": "as text",
    r"\bas people (write|read|say)\b": "usual spelling",
    r"\bat once\b": "immediately, together",
    r"\b(nobody|whoever|whatever)\b": "name who or what",
    r"\bof its own\b": "separate, own",
    r"\bcomes? again\b": "repeat",
    r"(?<!there )\b(is|are) no (?!longer\b|more\b)\w+": "is not a, has no",
    r"\b(it|they) (is|are) here\b|\bso many\b": "say which",
    r"\bcounts? from [01]\b": "indices start at 0",
    # US spelling
    r"\w*colour\w*": "color",
    r"\w*neighbour\w*": "neighbor",
    r"\w*behaviour\w*": "behavior",
    r"\w*favour\w*": "favor",
    r"\bcentre[sd]?\b": "center",
    r"\blicence\w*": "license",
    r"\bgrey\w*": "gray",
    r"\blearnt\b": "learned",
    r"\bwhilst\b": "while",
    r"\bartefact\w*": "artifact",
    r"\b(un)?label(led|ling)\b|\bmodell(ed|ing)\b|\bcancell(ed|ing)\b|\btravell\w+": "one l",
    r"\b\w*(optim|normal|initial|visual|general|organ|summar|recogn|regular|random|minim|maxim|util"
    r"|featur|standard|parametr|parameter|vector|serial|synchron|symmetr|token|penal|emphas|character"
    r"|real|special|quant|categor|local|memor|stabil|capital|digit|custom|final)is(e[sdr]?|ing|ation\w*)\b": "-ize",
    r"\banalys(e[sd]?|ing)\b": "analyze",
}
PATTERN = re.compile(
    "|".join(f"(?P<w{n}>{pattern})" for n, pattern in enumerate(SAY_INSTEAD)), re.IGNORECASE
)
REMEDIES = list(SAY_INSTEAD.values())

# A name in the code is not prose: `like this`, 'like_this', --like-this, a path or an address.
NOT_PROSE = re.compile(r"``.*?``|`[^`\n]*`|--[\w-]+|\S*[/_.]\w+\S*|https?://\S+")


def odd_words(text):
    """The expressions of a text that the glossary does not allow, and what to say instead."""
    prose = NOT_PROSE.sub(lambda found: " " * len(found[0]), text)
    prose = re.sub(r"\s+", lambda found: "\n" if "\n" in found[0] else " ", prose)
    flat = prose.replace("\n", " ")
    for found in PATTERN.finditer(flat):
        yield prose.count("\n", 0, found.start()), found[0], REMEDIES[int(found.lastgroup[1:])]


def texts(path):
    """The lines and texts of a Python file that somebody may read."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented, hidden = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            if getattr(node.targets[0], "id", "") == "_RENAMED":  # former names of version 0.1
                hidden.update(node.value.keys)
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            public = isinstance(node, ast.Module) or node.name[0] != "_"
            (documented if public else hidden).add(first.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in hidden:
            if node in documented or not re.fullmatch(r"[\w.:*?%-]*", node.value):
                yield node.lineno, node.value
            elif node.value[:1].isupper():  # a heading or a label
                yield node.lineno, node.value


def complaints(path):
    if path.suffix == ".py":
        held = texts(path)
    else:
        source = path.read_text(encoding="utf-8")
        source = re.sub(
            r"(?s)<style>.*?</style>|```.*?```", lambda m: "\n" * m[0].count("\n"), source
        )
        held = [(1, source)]
    for line, text in held:
        for below, found, remedy in odd_words(text):
            yield f"{path.relative_to(ROOT)}:{line + below}: {found!r}: say {remedy}"


# Names in the code of the rooms whose insides stay; old ones that scripts of users import.
ODD_NAMES = re.compile(
    r"picture|colour|neighbour|licence|grey|mended|surest|likeness|surroundings|learnt|mistake"
    r"|(?<![a-z])(said|told|drawn|fitted|laid_out|fine_tuned|together|heard|taken_for|asked"
    r"|understood|looked|mended|given_back)(?![a-z])"
)
INSIDES = ("data", "training", "transfer", "explain", "report", "cli", "models", "basics")
KEPT_NAMES = {"decode_picture", "gnnvision/data/images/picture.py"}


def names(path):
    """The names that a Python file defines: its own, classes, functions and their arguments."""
    yield 1, str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.lineno, node.target.id


@pytest.mark.parametrize(
    "folder",
    [p for p in CODE if p.parent.name != "gnnvision" or p.name in INSIDES],
    ids=lambda p: p.name,
)
def test_names_speak_plainly(folder):
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted(folder.rglob("*.py"))
        for line, name in names(path)
        if ODD_NAMES.search(name) and name not in KEPT_NAMES
    ]
    assert not found, "\n" + "\n".join(found)


def readable(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in (".py", ".html", ".toml"))


@pytest.mark.slow
@pytest.mark.parametrize("folder", CODE, ids=lambda p: p.name)
def test_code_speaks_plainly(folder):
    files = readable(folder)
    assert files
    found = [one for path in files for one in complaints(path)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_pages_speak_plainly(page):
    found = list(complaints(page))
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "What is taken for what",
        "share of the no's taken for yes",
        "'task' must be to tell classes, got 'Cora'.",
        "the test part was read once",
        "The colour is the true topic",
        "auto is Cora where it can be had",
        "what it says of the test pictures",
        "the notes' mistakes mended",
        "'split' must hold integers",
        "got a Linear, which has none",
        "the section of errors; None where there are none",
        "x: likewise.",
        "a file that is no archive",
    ],
)
def test_the_test_would_notice(text):
    assert list(odd_words(text))


@pytest.mark.parametrize(
    "text",
    [
        "Confusion matrix",
        "false positive rate",
        "'task' must be a classification task, got 'Cora'.",
        "the test split was read once",
        "`colour` and 'x/colour.py' are names",
        "the best part of an hour",
        "there is no checkpoint; a host that is no longer reachable",
    ],
)
def test_what_is_plain(text):
    assert not list(odd_words(text))
