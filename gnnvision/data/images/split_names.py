"""Recognition of folder names of training, validation and test splits.

Examples are `train`, `Training`, `training_set`, `seg_train`, `01_Train`, `train2017`, `학습용`:
a word for a split, with filler around it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["TEST", "TRAIN", "VAL", "FolderSplit", "are_folds", "folder_split"]

TRAIN, VAL, TEST = 0, 1, 2
_WORDS = {
    TRAIN: (
        "train training trainings trn trainval entrenamiento entrainement apprentissage treino "
        "treinamento addestramento 학습 훈련 트레이닝 트레인 学習 訓練 トレーニング 训练 学习"
    ),
    VAL: (
        "val valid validation validate validierung validierungs dev validacion validacao "
        "validazione 검증 밸리데이션 検証 バリデーション 验证 驗證"
    ),
    TEST: (
        "test testing tests tst eval evaluation holdout heldout prueba pruebas teste 시험 테스트 "
        "평가 試験 テスト 評価 测试 測試 评估"
    ),
}
_FILLERS = frozenset((
    "set", "sets", "data", "daten", "dataset", "datasets", "image", "images", "img", "imgs",
    "photo", "photos", "picture", "pictures", "pic", "pics", "folder", "dir", "split", "seg",
    "part", "files", "samples", "the",
))  # fmt: skip
# Affixes in languages without spaces between words.
_AFFIXES = re.compile(
    "용|데이터셋|데이터|세트|셋|이미지|사진|폴더|集|用|数据|數據|データ|セット|画像|图片|图像"
)


def _plain(text: str) -> str:
    """The text in lower case without accents, in Unicode's composed form."""
    text = unicodedata.normalize("NFKD", text.casefold())
    if text.isascii() or any("a" <= char <= "z" for char in text):
        text = "".join(char for char in text if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", text)


_SPLITS = {_plain(word): split for split, words in _WORDS.items() for word in words.split()}
_LATIN = sorted((word for word in _SPLITS if word.isascii()), key=len, reverse=True)
_JOINED = re.compile(
    f"({'|'.join(sorted(_FILLERS, key=len, reverse=True))})?({'|'.join(_LATIN)})"
    f"({'|'.join(sorted(_FILLERS, key=len, reverse=True))})?"
)


@dataclass(frozen=True)
class FolderSplit:
    """The split in the name of a folder.

    Args:
        split: 0 for training, 1 for validation, 2 for test; None if the name has none of them,
            or several.
        rest: The other words of the name, without fillers and numbers.
    """

    split: int | None
    rest: tuple[str, ...] = ()


def folder_split(name: str) -> FolderSplit:
    """The split in the name of a folder, and the other words.

    Example:
        >>> folder_split("training_set"), folder_split("seg_test").split
        (FolderSplit(split=0, rest=()), 2)
        >>> folder_split("train_station"), folder_split("cat").split
        (FolderSplit(split=0, rest=('station',)), None)
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)  # camelCase
    words = [word for word in re.split(r"[\W_\d]+", _plain(text)) if word]
    splits, rest = set(), []
    for word in words:
        bare = _AFFIXES.sub("", word)
        joined = _JOINED.fullmatch(word)
        if joined:
            splits.add(_SPLITS[joined[2]])
        elif bare in _SPLITS:
            splits.add(_SPLITS[bare])
        elif bare and word not in _FILLERS:
            rest.append(word)
    if splits == {TRAIN, VAL}:  # "trainval", as in object recognition challenges
        splits = {TRAIN}
    return FolderSplit(splits.pop() if len(splits) == 1 else None, tuple(rest))


def are_folds(names: Collection[str]) -> bool:
    """Whether the names are folds of a cross-validation: `fold1`, `fold2`, ...

    Example:
        >>> are_folds(["fold_1", "fold_2"]), are_folds(["cat", "dog"])
        (True, False)
    """
    pattern = re.compile(r"(k|cv)?[-_ ]*(fold|cv|split|subset|partition)[-_ ]*\d+")
    return len(names) > 1 and all(pattern.fullmatch(_plain(name)) for name in names)
