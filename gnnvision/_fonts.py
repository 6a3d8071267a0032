"""Fonts for letters of every script in figures.

Matplotlib takes a letter from the first font of a list that has it. The list is made from the
fonts themselves, not from their names, and only for letters that the default font lacks. Where no
installed font has a letter, an SVG keeps it, as browsers have fonts of their own; in a PNG the
word becomes a number in square brackets, and a note on the page gives the word of each number.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

__all__ = ["USUAL_FONT", "families", "families_for", "missing_note", "set_fonts"]

USUAL_FONT = "DejaVu Sans"
# Of several fonts with a letter, one made for screens and with an even weight; the rest follow.
_PREFERRED = (
    "notosanscjk", "notosanskr", "notosansjp", "notosanssc", "nanumgothic", "malgun",
    "applesdgothicneo", "applegothic", "hiraginosans", "pingfang", "yugoth", "msyh", "meiryo",
    "sourcehansans", "wqy", "ipaexg", "ipag", "takao", "vlgothic", "droidsansfallback", "unifont",
    "arialunicode", "noto", "symbola", "segoeui", "seguiemj", "freesans",
)  # fmt: skip
# By the first word of a letter's name in Unicode: the script in words, and a font that has it.
_SCRIPTS = {
    "HANGUL": ("Korean", "Noto Sans CJK or Nanum Gothic"),
    "CJK": ("Chinese characters", "Noto Sans CJK"),
    "IDEOGRAPHIC": ("Chinese characters", "Noto Sans CJK"),
    "FULLWIDTH": ("full-width letters", "Noto Sans CJK"),
    "HIRAGANA": ("Japanese", "Noto Sans CJK"),
    "KATAKANA": ("Japanese", "Noto Sans CJK"),
    "KATAKANA-HIRAGANA": ("Japanese", "Noto Sans CJK"),
    "BOPOMOFO": ("Bopomofo", "Noto Sans CJK"),
}
_COUNTRIES = {"HANGUL": " KR", "HIRAGANA": " JP", "KATAKANA": " JP"}
_UNSEEN = ("Cc", "Cf", "Cs", "Mn", "Me", "Zl", "Zp", "Zs")  # joiners, variation selectors, blanks

_found: list[str] = []  # families that letters were needed from so far
_homes: dict[str, str | None] = {}  # letter -> the family that has it, if any
_WIDE = "W"  # as wide as the widest letters
_missing: dict[Path, dict[str, int]] = {}  # figure -> word that could not be drawn -> its number
_warned: set[str] = set()
_log = logging.getLogger("gnnvision")


def families() -> list[str]:
    """The fonts to draw with, the default one first."""
    return [USUAL_FONT, *_found]


def families_for(texts: Iterable[str]) -> list[str]:
    """The fonts that some texts need, for those who draw and save a figure themselves."""
    if lacking := _lacking(texts):
        _look_for(lacking)
    return families()


def set_fonts(figure: Figure, path: Path) -> Callable[[], object]:
    """Set the fonts of a figure so that all letters of its texts can be drawn.

    Where no font has a letter, the words of a PNG are numbered, see `missing_note`; those of an
    SVG get wide letters, which leave the browser's own enough room.

    Args:
        figure: with all its texts.
        path: where it is going to be saved.

    Returns:
        A function that puts the letters of an SVG back; call it after the layout.
    """
    from matplotlib import rcParams
    from matplotlib.text import Text

    _missing.pop(path, None)
    texts: list[Text] = figure.findobj(Text)
    lacking = _lacking(text.get_text() for text in texts)
    lacking |= _lacking(label for _, _, labels in _ticks(figure) for label in labels)
    if not lacking:
        return lambda: None
    unseen = _look_for(lacking)
    rcParams["font.family"] = families()  # of tick labels that are yet to be made
    for text in texts:
        text.set_fontfamily(families())
    if not unseen:
        return lambda: None
    if path.suffix == ".svg":
        wide = str.maketrans(dict.fromkeys(unseen, _WIDE))
        return _rewrite(figure, texts, unseen, lambda text: text.translate(wide))
    _number_words(figure, texts, unseen, path)
    return lambda: None


def missing_note(folder: Path) -> str:
    """The words that figures in a folder show as numbers, for lack of a font; "" if none."""
    words: dict[str, int] = {}
    for path, held in _missing.items():
        if path.is_relative_to(folder):
            words |= held
    if not words:
        return ""
    in_order = sorted(words.items(), key=lambda pair: pair[1])
    listed = ", ".join(f"[{number}] is {word}" for word, number in in_order)
    unseen = {letter for letter in "".join(words) if _homes.get(letter, "") is None}
    advice = " ".join(_by_script(unseen).values())
    return f"{advice} In the figures of this page, {listed}."


def _lacking(texts: Iterable[str]) -> set[str]:
    """The visible letters that the default font lacks."""
    letters = set().union(*texts) - _usual_letters()
    return {c for c in letters if unicodedata.category(c) not in _UNSEEN}


@cache
def _usual_letters() -> frozenset[str]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(map(chr, get_font(findfont(USUAL_FONT)).get_charmap()))


def _ticks(figure: Figure) -> list[tuple[Any, bool, list[str]]]:
    """Each axis with its tick labels, which matplotlib only sets while it draws."""
    out = []
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for minor in (False, True):
                formatter = axis.get_minor_formatter() if minor else axis.get_major_formatter()
                places = axis.get_minorticklocs() if minor else axis.get_majorticklocs()
                out.append(
                    (axis, minor, [str(s) for s in formatter.format_ticks(places.tolist())])
                )
    return out


def _look_for(letters: set[str]) -> set[str]:
    """Find fonts for letters; returns those that no installed font has."""
    wanted = letters - _homes.keys()
    for file in _font_files() if wanted else ():
        if not wanted:
            break
        # Sorted, so that the same letters find the same fonts every time.
        for letter in sorted(_drawable(file, wanted)):
            if (name := _registered(file, letter)) is None:
                break
            _homes[letter] = name
            wanted.discard(letter)
            if name not in _found:
                _found.append(name)
    _homes.update(dict.fromkeys(wanted))
    return {letter for letter in letters if _homes[letter] is None}


def _font_files() -> list[str]:
    """The files of all fonts: upright and regular ones first, preferred ones before others."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    # Matplotlib's own list is from when it was first made; a font installed since is not in it.
    files = {*findSystemFonts(), *(entry.fname for entry in fontManager.ttflist)}
    files = {file for file in files if "lastresort" not in file.lower()}  # which draws boxes

    def rank(file: str) -> tuple[bool, int, str]:
        name = Path(file).stem.lower().replace(" ", "").replace("-", "").replace("_", "")
        odd = any(word in name for word in ("bold", "italic", "oblique", "thin", "black", "serif"))
        places = (n for n, start in enumerate(_PREFERRED) if name.startswith(start))
        return odd, next(places, len(_PREFERRED)), name

    return sorted(files, key=rank)


def _drawable(file: str, letters: set[str]) -> set[str]:
    """The letters that a font has as outlines, which matplotlib can draw."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(file)
        if not font.scalable:
            return set()
        return {letter for letter in letters if font.get_char_index(ord(letter))}
    except (OSError, RuntimeError, ValueError, TypeError):
        return set()  # damaged, or in a format that is not supported


def _registered(file: str, letter: str) -> str | None:
    """Register a font with matplotlib; returns its family, None if that fails.

    A collection has a family for each country, as the same letters look different there.
    """
    from matplotlib.font_manager import fontManager

    names = {entry.name for entry in fontManager.ttflist if entry.fname == file}
    if not names:
        try:
            fontManager.addfont(file)
        except (OSError, RuntimeError, ValueError, TypeError):
            return None
        names = {entry.name for entry in fontManager.ttflist if entry.fname == file}
    country = _COUNTRIES.get(unicodedata.name(letter, "").split(" ")[0], " SC")
    return min(names, key=lambda n: ("Mono" in n, not n.endswith(country), n), default=None)


def _number_words(figure: Figure, texts: list[Text], unseen: set[str], path: Path) -> None:
    """Write numbers in place of the words with letters that cannot be drawn."""
    numbers: dict[str, int] = {}  # of the other figures of the page, too
    for other, words in _missing.items():
        numbers |= words if other.parent == path.parent else {}
    held = _missing.setdefault(path, {})

    def numbered(text: str) -> str:
        out, word = "", ""
        for letter in text + "\0":
            if letter in unseen or (word and unicodedata.category(letter) in ("Mn", "Cf")):
                word += letter
                continue
            if word:
                number = numbers.setdefault(word, max(numbers.values(), default=0) + 1)
                held[word] = number
                out, word = f"{out}[{number}]", ""
            out += letter
        return out[:-1]

    _rewrite(figure, texts, unseen, numbered)
    for script, sentence in _by_script(unseen).items():
        if script not in _warned:
            _warned.add(script)
            _log.warning(sentence)


def _rewrite(
    figure: Figure, texts: list[Text], unseen: set[str], rewrite: Callable[[str], str]
) -> Callable[[], object]:
    """Change all texts with certain letters; returns a function that changes them back."""
    undo: list[Callable[[], object]] = []
    for text in texts:
        if unseen & set(before := text.get_text()):
            text.set_text(rewrite(before))
            undo.append(partial(text.set_text, before))
    for axis, minor, labels in _ticks(figure):
        if unseen & set("".join(labels)):
            places = axis.get_minorticklocs() if minor else axis.get_majorticklocs()
            axis.set_ticks(places, [rewrite(label) for label in labels], minor=minor)
            undo.append(partial(axis.set_ticks, places, labels, minor=minor))
    return lambda: [one() for one in undo]


def _by_script(letters: set[str]) -> dict[str, str]:
    """A sentence for each script among the letters that cannot be drawn."""
    found: dict[str, tuple[str, list[str]]] = {}
    for letter in sorted(letters):
        first = unicodedata.name(letter, "UNKNOWN").split()[0].split("-")[0]
        symbol = unicodedata.category(letter) in ("So", "Sk")
        usual = (
            ("symbols", "Noto Emoji") if symbol else (first.title(), f"Noto Sans {first.title()}")
        )
        script, font = _SCRIPTS.get(first, usual)
        found.setdefault(script, (font, []))[1].append(letter)
    return {
        script: f"No installed font has {script} (as {''.join(some[:3])}), so figures show "
        f"numbers in square brackets instead. Install {font} and draw them again."
        for script, (font, some) in found.items()
    }
