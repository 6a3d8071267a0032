"""Parse the cells of a target column: numbers, missing values, yes/no pairs and words.

A cell is read as a number only where it is unambiguous. Text that resembles a number (with a
unit, a limit or a decimal comma) is told apart from words, so that it never becomes a class.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

__all__ = [
    "DOUBTFUL", "MISSING", "YES_OR_NO", "is_sign_column", "missing_matcher", "number_problem",
    "parse_bound", "parse_number", "with_decimal_points",
]  # fmt: skip

# The missing values of pandas, error values of spreadsheets and common spellings, in lower case.
MISSING = (
    "", "na", "n/a", "n.a.", "n.a", "#n/a", "#n/a n/a", "#na", "<na>", "nan", "-nan", "+nan",
    "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "null", "#null!", "none", "nil", "\\n", "missing",
    "#value!", "#div/0!", "#ref!", "#name?", "#num!", "#error!", "#calc!", "#spill!",
    "-", "--", "---", "\u2013", "\u2014", "\u2212", ".", "..", "...", "?", "??", "???",
)  # fmt: skip
# Ambiguous words: a class or a missing value? Only the author of the table knows.
DOUBTFUL = (
    "unknown", "unk", "undefined", "undetermined", "not determined", "n.d.", "n.d", "nd", "n/d",
    "not tested", "n.t.", "nt", "not available", "not measured", "not applicable", "no data",
    "tbd", "tba", "inconclusive", "unspecified", "invalid", "error", "failed", "empty", "blank",
    "x", "*", "/", "#", "_",
)  # fmt: skip
# Pairs of words for 1 and 0, in lower case; a column must use one pair only.
YES_OR_NO = (
    ("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("active", "inactive"),
    ("positive", "negative"), ("pos", "neg"), ("+", "-"),
)  # fmt: skip

_MINUS = dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "-")
_SIGNS = str.maketrans(_MINUS | {"\uff0b": "+", "\uff0e": ".", "\uff45": "e", "\uff25": "E"})
_AROUND = "\ufeff\u200b\u200c\u200d\u2060"  # invisible, but not whitespace to Python
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?(\d*),(\d+)([eE][+-]?\d+)?", re.ASCII)
_LIMIT = re.compile(r"(<[=<]?|>[=>]?|[\u2264\u2265\u226a\u226b])\s*(?=[+-]?[\d.,])")
_ANY = r"[+-]?(?:\d{1,3}(?:[ ,.'\u2019]\d{3})+|\d*)(?:[.,\u00b7]?\d+)[.]?(?:[eE][+-]?\d+)?"
_UNIT = (
    r"(?:[^\W\d_]|[%\u2030\u00b0/^.*\u00b7\u207b\u00b9\u00b2\u00b3()-])[^\s,;]{0,14}"
    r"(?:\s[^\W\d_]\S{0,8})?"
)
_KNOWN_UNIT = (
    r"(?:[munpkf\u00b5\u03bc]?(?:M|g|L|l|m|s|mol|Da|eV|J|cal|Hz|V|W|U)(?:/\S+)?|mol/\S+|ppm|ppb"
    r"|h|hr|min|d|\u00b0C|\u00b0F|K|kcal/mol|kJ/mol|IU|x|-?fold)"
)
_MONEY = "$\u20ac\u00a3\u00a5\u20a9"
_QUOTES = "\"'\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_FAULTS = (
    (re.compile(r"[+-]?inf(inity)?", re.I), "which is infinite"),
    (
        re.compile(rf"(?:[<>\u2264\u2265\u2248~=\u223c]=?|ca\.?|>>|<<)\s*{_ANY}(?:\s*{_UNIT})?"),
        "a limit or an estimate, not a measured value",
    ),
    (re.compile(rf"{_ANY}\s*[%\u2030]"), "with a percent sign; remove the sign from the column"),
    (
        re.compile(rf"{_ANY}\s*(?:\u00b1|\+/-|\+-)\s*{_ANY}(?:\s*{_UNIT})?"),
        "with its uncertainty; move that into another column",
    ),
    (re.compile(rf"{_ANY}\s*\({_ANY}\)"), "with its uncertainty; move that into another column"),
    (
        re.compile(rf"{_ANY}\s*[x\u00d7*\u00b7]\s*10\s*\^?\s*[+-]?[\d\u2070\u00b9\u00b2\u00b3"
                   rf"\u2074-\u2079\u207b]+(?:\s*{_UNIT})?"),
        "in powers of ten; write it like 1.5e-3",
    ),
    (
        re.compile(rf"[{_MONEY}]\s*{_ANY}|{_ANY}\s*[{_MONEY}]"),
        "with a currency sign; remove it",
    ),
    (re.compile(rf"[{_QUOTES}]\s*{_ANY}\s*[{_QUOTES}]"), "in quotes; remove them"),
    (
        re.compile(r"\d{4}([-/.])\d\d?\1\d\d?(?:[ T].*)?|\d\d?([-/.])\d\d?\2\d{2}(?:\d\d)?"),
        "a date",
    ),
    (
        re.compile(r"[+-]?(?:\d+\s*/\s*\d+|(?:\d+\s*)?[\u00bc-\u00be\u2150-\u215e])"),
        "a fraction; write it with a decimal point",
    ),
    (re.compile(r"\d+(?:\s*:\s*\d+)+"), "a ratio or a time"),
    (re.compile(r"[+-]?\d*\.?\d+[dD][+-]?\d+"), "with an exponent after D; write it like 1.5e-3"),
    (re.compile(r"[+-]?\d*\.?\d+[eE][+-]?"), "with a truncated exponent"),
    (re.compile(r"\d*\.?\d+\s?[+-]"), "with a trailing sign; write the sign in front"),
    (
        re.compile(r"[+-]?10\s*(?:\^\s*[+-]?\d+|[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+)"),
        "a power of ten; write it like 1e-3",
    ),
    (
        re.compile(rf"{_ANY}\s*[*\u2020\u2021\u00a7?]+|\?+\s*{_ANY}"),
        "with a footnote mark; move that into another column",
    ),
    (re.compile(r"\[[\d\s.,;+eE-]*\]"), "a list, not one number"),
    (
        re.compile(rf"[^\W\d_]\w{{0,11}}\s*[=<>\u2264\u2265\u2248]\s*{_ANY}(?:\s*{_UNIT})?"),
        "with a name in front; keep only the number",
    ),
    (re.compile(rf"\({_ANY}\)"), "in brackets; write a minus if it is negative"),
    (
        re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?|[+-]?\d{1,3}(?:[ .'\u2019]\d{3})+(?:,\d+)?"
                   r"|[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?|[+-]?\d{1,3}(?: \d{3})+\.\d*"
                   r"|[+-]?\d+\u00b7\d+"),
        "with a decimal comma or thousands separators; write it with a decimal point only",
    ),
    (re.compile(rf"{_ANY}\s+{_UNIT}|{_ANY}{_KNOWN_UNIT}"), "with a unit; remove it"),
)  # fmt: skip


@lru_cache(maxsize=2**16)  # a column repeats its words
def parse_number(cell: str) -> float | None:
    """Parse a cell as a number; None if it is anything else.

    Full-width and other decimal digits, a Unicode minus and surrounding whitespace are accepted,
    since they are unambiguous. `1_0`, `0x1f`, "inf" and values outside the range of float32 are
    not numbers.
    """
    text = _plain(cell)
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) < 3e38 else None


def parse_bound(cell: str) -> tuple[float, int] | None:
    """Parse a cell such as "<5" or ">= 1000" as a limit of the true value; None for other cells.

    Returns:
        The limit, and the side on which the value is: -1 below it, 1 above it.

    Example:
        >>> parse_bound("<5"), parse_bound(">= 1e3"), parse_bound("~5")
        ((5.0, -1), (1000.0, 1), None)
    """
    text = _plain(cell)
    found = _LIMIT.match(text)
    value = parse_number(text[found.end() :]) if found else None
    if found is None or value is None:
        return None
    return value, -1 if found[1][0] in "<\u2264\u226a" else 1


@lru_cache(maxsize=2**16)  # a column repeats its words
def number_problem(cell: str) -> str:
    """The problem of a cell that resembles a number, as the end of a sentence; "" for a word."""
    text = _plain(cell)
    if _NUMBER.fullmatch(text):
        return "" if parse_number(cell) is not None else "which is too large"
    text = re.sub(r"\s", " ", text)
    for pattern, reason in _FAULTS:
        if pattern.fullmatch(text):
            return reason
    return ""


def with_decimal_points(cells: Sequence[str]) -> list[str] | None:
    """Replace decimal commas by points; None unless the commas are certainly decimal commas.

    They are if no number in the cells has a point and at least one comma cannot be a thousands
    separator: the digits after it are not three, or the digits before it are missing, more than
    three or start with a zero. All other cells stay unchanged.

    Example:
        >>> with_decimal_points(["-1,25", "3", "0,125", "n.d."]), with_decimal_points(["1,234"])
        (['-1.25', '3', '0.125', 'n.d.'], None)
    """
    out, sure = [], False
    for cell in cells:
        text = _plain(cell)
        if found := _COMMA.fullmatch(_LIMIT.sub("", text)):
            whole, part = found[1], found[2]
            sure |= len(part) != 3 or whole.startswith("0") or not 0 < len(whole) <= 3
            text = text.replace(",", ".")
            out.append(text)
        elif "." in text and _NUMBER.fullmatch(text):
            return None
        else:
            out.append(cell)
    return out if sure else None


def is_sign_column(cells: Sequence[str], is_missing: Callable[[str], bool]) -> bool:
    """Whether a column contains screening results (+, ++, -, +/-), in which a dash is a value."""
    known = {cell.strip() for cell in cells if not is_missing(cell)}
    return bool(known) and all("+" in cell and set(cell) <= set("+/-()") for cell in known)


def missing_matcher(words: Sequence[str] = ()) -> Callable[[str], bool]:
    """A function that returns whether a cell is missing: empty, in `MISSING`, or one of `words`.

    Args:
        words: further words, in any case; `*` matches any characters, so "<*" matches every
            upper limit.
    """
    known = frozenset(MISSING)
    more = [
        re.compile(".*".join(map(re.escape, word.strip().split("*"))), re.I | re.S)
        for word in words
    ]

    def is_missing(cell: str) -> bool:
        text = cell.strip().strip(_AROUND).strip()
        return text.lower() in known or any(pattern.fullmatch(text) for pattern in more)

    return is_missing


def _plain(cell: str) -> str:
    """The cell with ASCII digits and signs, without surrounding whitespace."""
    text = cell.strip().strip(_AROUND).strip()
    if text.isascii():
        return text
    digits = (unicodedata.decimal(c, None) for c in text)
    text = "".join(c if d is None else str(d) for c, d in zip(text, digits, strict=True))
    return text.translate(_SIGNS)
