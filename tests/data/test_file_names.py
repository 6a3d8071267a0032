import os

import pytest

from gnnvision.data.file_names import decode_names, is_system_name, printable


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("utf-8", ["강아지/1.png", "고양이/1.png"]),
        ("cp949", ["강아지/1.png", "고양이/1.png"]),
        ("cp949", ["햄스터", "토끼"]),
        ("cp949", ["학습/정상", "학습/불량", "시험/정상"]),
        ("cp932", ["ねこ/1.png", "いぬ/1.png"]),
        ("cp932", ["ソース", "表"]),  # bytes that are backslashes stand in these
        ("cp932", ["良品", "不良品"]),
        ("gb18030", ["猫", "狗"]),
        ("gb18030", ["训练/苹果", "测试/香蕉"]),
        ("big5", ["蘋果", "香蕉"]),
        ("cp866", ["кошка", "собака"]),
        ("cp437", ["café", "piña", "Äpfel"]),
        ("cp1252", ["café", "Forêt"]),
    ],
)
def test_the_encoding_is_told_by_the_letters_that_it_makes(encoding, names):
    assert decode_names([name.encode(encoding) for name in names]) == (names, encoding)


def test_one_encoding_for_all_names():
    names = ["강아지", "고양이", "x.png"]
    assert decode_names([name.encode("cp949") for name in names])[0] == names
    assert decode_names([b"a", b"b"]) == (["a", "b"], "ascii")
    assert decode_names([]) == ([], "ascii")


def test_what_no_encoding_explains_is_still_a_name():
    names, _ = decode_names([b"\xff\xff\x81", b"\x81"])
    assert all(name.encode("utf-8") for name in names)


def test_printable_names_can_be_written():
    raw = os.fsdecode("고양이".encode("cp949"))
    with pytest.raises(UnicodeEncodeError):
        raw.encode("utf-8")
    assert printable(raw) == "고양이"
    assert printable("고양이") == "고양이"


@pytest.mark.parametrize(
    "name",
    ["@eaDir", "__MACOSX", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db", "desktop.ini", ".git",
     "._1.jpg", "#recycle", "$RECYCLE.BIN", "lost+found", "1.jpg:Zone.Identifier"],
)  # fmt: skip
def test_names_of_systems(name):
    assert is_system_name(name)


@pytest.mark.parametrize("name", ["cat", "1.jpg", "recycle", "thumbs", "MACOSX", "eaDir", "a.b"])
def test_names_of_people(name):
    assert not is_system_name(name)
