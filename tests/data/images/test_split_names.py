import unicodedata

import pytest

from gnnvision.data.images.split_names import TEST, TRAIN, VAL, are_folds, folder_split

NAMES = {
    TRAIN: "train Train TRAIN training training_set train_set seg_train trainset trainImages trn "
    "train-images 01_Train 1.Training train2017 trainval Trainingsdaten 학습 훈련 학습용 "
    "학습데이터 훈련데이터셋 学習データ 训练集 entraînement",
    VAL: "val valid validation dev valid_set seg_val 2.Validation val2017 검증 검증용 検証 验证集",
    TEST: "test testing test_set seg_test TestImages tst holdout Testdaten 시험 테스트 평가 "
    "평가용데이터 テスト画像 测试集",
}


@pytest.mark.parametrize(
    ("part", "name"), [(part, name) for part, names in NAMES.items() for name in names.split()]
)
def test_names_of_splits(part, name):
    for form in ("NFC", "NFD"):
        found = folder_split(unicodedata.normalize(form, name))
        assert (found.split, found.rest) == (part, ())


@pytest.mark.parametrize(
    "name",
    ["cat", "contest", "latest", "valley", "trainer", "developer", "trains", "강아지", "images"],
)
def test_other_names(name):
    assert folder_split(name).split is None


def test_names_with_something_else_in_them():
    assert folder_split("cats_train").rest == ("cats",)
    assert folder_split("trainA").rest == ("a",)
    assert folder_split("train_test_split").split is None


def test_folds():
    assert are_folds(["fold1", "fold2"])
    assert are_folds(["Fold_0", "fold_1"])
    assert not are_folds(["fold1"])
    assert not are_folds(["fold1", "cat"])
