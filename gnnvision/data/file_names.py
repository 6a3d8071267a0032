"""File names as text: files of the operating system, and legacy encodings.

File names on disk and in archives are bytes. Names that are not UTF-8 are decoded in one legacy
encoding for all names of a source: the one that gives the most common letters.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence

__all__ = ["decode_names", "is_system_name", "printable", "ranked_encodings"]

_SYSTEM_NAMES = frozenset((
    "__macosx", "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot",
    "$recycle.bin", "recycler", "system volume information", "lost+found", "found.000",
    "__pycache__", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini",
    "icon\r", "network trash folder", "temporary items",
))  # fmt: skip
_SYSTEM_ENDINGS = ("@synoresource", "@synoeastream", ":zone.identifier", "thumbs.db:encryptable")
# The most frequent syllables of Korean; Chinese bytes decoded as Korean rarely give these.
_COMMON_HANGUL = frozenset(
    "가각간갈감갑값강개객갱거건걸검겁게겨격견결경계고곡곤골공과관광괴교구국군굴궁권귀규균그극근글금급기긴길김"
    "까깨꺼꼬꼭꽃꾸꿀꿈끄끝끼나낙난날남납낭내냉너널넓넘네년념노녹논놀농높뇌누눈뉴느는능니다단달담답당대댁더"
    "덕던데도독돈돌동두둑둥뒤드득든들등디따딸땅때떡또뚜뜨라락란람랑래랙량러럭런럴럼레려력련렬렵령례로록론롱료"
    "루류륙륜률륭르른름릉리린림립마막만많말망매맥맨머먹먼멀메멧며면명모목몰못몽묘무문물뭉미민밀바박반발밤방배백"
    "뱀버번벌범법베벤벨벽변별병보복본볼봉부북분불붕브블비빈빙빛빠빨뿌뿔사삭산살삼삽상새색생샤서석선설섬섭성세센"
    "셀소속손솔송쇄쇠수숙순술숨숭쉬스슬습승시식신실심십싸쌀쌍써쓰씨아악안알암압앙애액앵야약양어억언얼엄업없에엔"
    "여역연열염엽영예오옥온올옷와완왕왜외요욕용우욱운울움웅원월위유육윤율융은을음응의이익인일임입있잉자작잔잠잡장재"
    "쟁저적전절점접정제조족존졸종좌죄주죽준줄중즉즐증지직진질짐집징짜째차착찬찰참창채책처척천철첨첩청체초촉촌총최"
    "추축춘출충취측층치칙친칠침카칸캐커컨컬컴컵케켓코콘콜콩쿠크큰클키타탁탄탈탐탑탕태택탱터턱털테텔토통투트특틀티"
    "틴팀파판팔팜패팬퍼펀페펜편평폐포폭폰표푸품풍프플피필핑하학한할함합항해핵햄행향허험헌헐헤혁현혈협형혜호혹혼홍"
    "화확환활황회획횡효후훈휘휴흉흐흑흔흙흡흥희흰히힘"
)
_COMMON_LATIN = frozenset("éèêëàâäáãåæçíìîïñóòôöõøœúùûüßÉÈÊÀÂÄÁÅÆÇÍÑÓÖØÜ")
_SYMBOLS = frozenset("°µ±²³·×–—‘’“”•…™®©\u00a0")  # of measurements and typography
_ENCODINGS = ("cp949", "cp932", "gb18030", "big5", "cp866", "cp437", "cp1252")
_MAX_SAMPLES = 5000  # names that are examined to detect the encoding


def is_system_name(name: str) -> bool:
    """Whether a file or folder of this name belongs to an operating system or a tool.

    These are hidden names, which begin with a dot, and files that macOS, Windows, network
    storage and Jupyter create next to the files of users.

    Example:
        >>> [is_system_name(name) for name in ("@eaDir", "._1.jpg", "Thumbs.db", "cat")]
        [True, True, True, False]
    """
    low = name.lower()
    return low.startswith(".") or low in _SYSTEM_NAMES or low.endswith(_SYSTEM_ENDINGS)


def printable(name: str) -> str:
    r"""The name as text without surrogates, decoded by `decode_names`.

    Args:
        name: A file name from Python, in which bytes that are not UTF-8 are surrogates.

    Example:
        >>> printable("caf\udce9"), printable("cat")
        ('café', 'cat')
    """
    return name if _is_text(name) else decode_names([os.fsencode(name)])[0][0]


def decode_names(names: Sequence[bytes]) -> tuple[list[str], str]:
    """Decode names in one encoding.

    This is UTF-8 if all names are valid in it. Otherwise it is the legacy encoding (Korean,
    Japanese, Chinese, Cyrillic or Western European) that gives the most common letters.

    Returns:
        The names, and the encoding: "ascii", "utf-8" or a legacy one.

    Example:
        >>> decode_names(["강아지/1.png".encode("cp949"), b"readme"])
        (['강아지/1.png', 'readme'], 'cp949')
    """
    for encoding in ("ascii", "utf-8"):
        try:
            return [name.decode(encoding) for name in names], encoding
        except UnicodeDecodeError:
            pass
    # Each name once, so that a folder with a thousand images does not count a thousand times.
    unique = {piece for name in names for piece in name.split(b"/") if not piece.isascii()}
    samples = sorted(unique)[:_MAX_SAMPLES]
    ranked = ranked_encodings(samples, _ENCODINGS)
    best = ranked[0][1] if ranked else _ENCODINGS[0]
    return [name.decode(best, "backslashreplace") for name in names], best


def ranked_encodings(texts: Sequence[bytes], encodings: Sequence[str]) -> list[tuple[float, str]]:
    r"""The encodings in which texts are valid, with a score of their letters, best first.

    Args:
        texts: Names, cells or words that are not all ASCII.
        encodings: The candidates, of "cp949", "cp932", "gb18030", "big5",
            "cp866", "cp1251", "cp437" and "cp1252".

    Example:
        >>> ranked_encodings([b"Temperature (\xb0C)"], ("cp949", "cp1252"))[0]
        (0.85, 'cp1252')
    """
    scores = [(_likelihood(texts, encoding), encoding) for encoding in encodings]
    return sorted((each for each in scores if each[0] >= 0), key=lambda each: -each[0])


def _is_text(name: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in name)


def _likelihood(texts: Iterable[bytes], encoding: str) -> float:
    """The mean frequency score of the letters in an encoding, 0 to 1; -1 if invalid in it."""
    total, count = 0.0, 0
    for raw in texts:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            return -1.0
        for position, char in enumerate(text):
            if not char.isascii():
                total += _letter_score(char, encoding, text[max(0, position - 1) : position + 2])
                count += 1
    return total / max(count, 1)


def _letter_score(char: str, encoding: str, around: str) -> float:
    """The frequency score of one letter in the language of an encoding, from 0 to 1."""
    if encoding in ("cp437", "cp1252"):
        if encoding == "cp1252" and char in _SYMBOLS:
            # Between ASCII letters: the second byte of other encodings is rarely ASCII.
            return 0.85 if sum(map(str.isascii, around)) >= len(around) - 1 else 0.1
        letter = unicodedata.category(char)[0] == "L"
        return 0.7 if char in _COMMON_LATIN else 0.4 if letter and char < "ƀ" else 0.1
    mixed = any(other.isascii() and other.isalpha() for other in around)
    if encoding in ("cp866", "cp1251"):
        # A capital after a lower-case letter points to another encoding.
        odd = mixed or (char.isupper() and around[0].islower())
        return 0.9 if ("А" <= char <= "ё" or char == "Ё") and not odd else 0.1
    return _east_asian_score(char, encoding) * (0.85 if mixed else 1.0)


def _east_asian_score(char: str, encoding: str) -> float:
    """The score by the row in the national standard, which lists common letters first."""
    raw = char.encode(encoding)
    lead, trail = raw[0], raw[-1]
    if encoding == "cp949":
        if not "가" <= char <= "힣":
            return 0.3
        return 1.0 if char in _COMMON_HANGUL else 0.5 if lead >= 0xB0 and trail >= 0xA1 else 0.2
    if encoding == "cp932":
        if len(raw) == 1:  # half-width kana, which point to another encoding
            return 0.2
        kana = "ぁ" <= char <= "ヺ" or char == "ー"
        return 1.0 if kana else 0.75 if 0x88 <= lead <= 0x97 else 0.3
    if encoding == "gb18030":
        if len(raw) != 2 or trail < 0xA1:
            return 0.2
        return 0.8 if 0xB0 <= lead <= 0xD7 else 0.5 if 0xD8 <= lead <= 0xF7 else 0.2
    return 0.78 if 0xA4 <= lead <= 0xC6 else 0.45 if 0xC9 <= lead <= 0xF9 else 0.2  # Big5
