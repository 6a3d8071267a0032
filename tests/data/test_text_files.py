"""Decoding of text files in an unknown encoding, with the note and the errors."""

import pytest

from gnnvision.data.text_files import decode_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_no_assumption(encoding):
    text = "smiles,용해도,µM\nCCO,1,é\n"
    name = encoding.removesuffix("-sig")
    assert decode_text(text.encode(encoding), "csv", "x") == (text, name, "")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp949", "smiles,용해도,분류\nCCO,1,좋음\nCC,2,나쁨\n"),
        ("cp949", "smiles,값\nC,1\n"),
        ("cp949", "smiles,독성,농도(uM)\nC,있음,1\nCC,없음,2\n"),
        ("cp932", "smiles,溶解度\nCCO,1\n"),
        ("cp932", "smiles,毒性\nC,あり\nC,なし\n"),
        ("cp932", "smiles,活性\nC,有\nC,無\n"),
        ("gb18030", "smiles,溶解度,类别\nCCO,1,可溶\nCC,2,不溶\n"),
        ("gb18030", "smiles,活性\nC,是\nC,否\n"),
        ("big5", "smiles,溶解度,類別\nCCO,1,a\n"),
        ("cp1251", "smiles,растворимость,класс\nC,1,Да\n"),
        ("cp1252", "smiles,IC50 (µM)\nC,1\n"),
        ("cp1252", "smiles,T (°C)\nC,1\n"),
        ("cp1252", "smiles,m²\nC,1\n"),
        ("cp1252", "smiles;Löslichkeit;Maß\nC;groß;1\n"),
        ("cp1252", "smiles,solubilité\nC,élevée\n"),
        ("cp1252", "smiles,y,note\nC,1,Crohn’s\nC,1,5–7\n"),
    ],
)
def test_an_old_encoding_is_told_by_its_letters_and_named(encoding, text):
    read, found, note = decode_text(text.encode(encoding), "csv", "x")
    assert (read, found) == (text, encoding)
    assert note.startswith(f"not UTF-8; decoded as {encoding}, e.g. '")


def test_another_encoding_that_may_be_meant_is_shown():
    note = decode_text("smiles,IC50 (µM)\nC,1\n".encode("cp1252"), "csv", "x")[2]
    assert note == (
        "not UTF-8; decoded as cp1252, e.g. 'IC50 (µM)' (as big5: 'IC50 (然)'); if "
        "this is wrong, save the file as 'CSV UTF-8'"
    )


@pytest.mark.parametrize("content", [b"\xb0\x00a", b"a,\x81\n", b"\xff\xfea", b"\xef\xbb\xbf\xff"])
def test_what_is_text_in_no_encoding(content):
    with pytest.raises(ValueError, match=r"'csv' must be UTF-8 text, got 'x', .*'CSV UTF-8'"):
        decode_text(content, "csv", "x")
