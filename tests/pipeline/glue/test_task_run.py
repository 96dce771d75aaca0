"""One task with one seed: what is trained on, and on which scale."""

import dataclasses

import numpy as np
import pytest
from glue_folders import BY_NAME, VOCAB, answer_with, make_run, make_task

from pipeline.glue import classifier_training
from pipeline.glue.initial_weights import load_encoder
from pipeline.glue.pretrained_run import read_run
from pipeline.glue.reader import read_task
from pipeline.glue.settings import FineTuningSettings
from pipeline.glue.task_run import _whole_classifier, predict_texts, run_task

SETTINGS = FineTuningSettings(batch_size=8, max_seq_length=16, num_train_epochs=1)


@pytest.fixture(name="start")
def fixture_start(tmp_path):
    run = read_run(str(make_run(tmp_path / "run")))
    return load_encoder(run, dropout=0.0, random_init=True, seed=0)


@pytest.fixture(name="trained_on")
def fixture_trained_on(monkeypatch):
    """The labels of training; every logit is half of the way from the middle to the top."""
    labels = []

    def train(model, features, train_labels, **_):
        labels.extend(train_labels.tolist())
        return 1

    def predict(model, features, *, batch_size):
        return np.full([len(features["input_ids"]), model.head.units], 0.5)

    monkeypatch.setattr(classifier_training, "train", train)
    answer_with(monkeypatch, predict)
    return labels


def scores_from(task, data, low, high):
    """The same task with labels from `low` to `high`, where it had 0.5 and 5."""
    new = np.where(data.train.labels > 1, high, low).astype(np.float32)
    train = dataclasses.replace(data.train, labels=new)
    return dataclasses.replace(task, score_range=(low, high)), dataclasses.replace(
        data, train=train
    )


def test_scores_of_a_users_range_are_answered_in_it(tmp_path, start, trained_on):
    make_task(tmp_path / "glue", "STS-B")
    task = BY_NAME["STS-B"]
    data = read_task(task, str(tmp_path / "glue"))
    task, data = scores_from(task, data, -1.0, 3.0)
    done = run_task(task, data, start=start, settings=SETTINGS)
    assert set(trained_on) == {-1.0, 3.0}
    # Half of the way from the middle 1 to the top 3.
    assert set(done.predictions[0].tolist()) == {2.0}


def test_scores_of_sts_b_are_trained_on_as_they_are(tmp_path, start, trained_on):
    make_task(tmp_path / "glue", "STS-B")
    task = BY_NAME["STS-B"]
    run_task(task, read_task(task, str(tmp_path / "glue")), start=start, settings=SETTINGS)
    assert set(trained_on) == {0.5, 5.0}


def test_the_loss_on_dev_is_that_of_all_examples(tmp_path, start, monkeypatch):
    make_task(tmp_path / "glue", "MNLI", dev=3)
    data = read_task(BY_NAME["MNLI"], str(tmp_path / "glue"))
    data = dataclasses.replace(data, second_dev=data.second_dev.take([0]))

    def predict(model, features, *, batch_size):
        logits = np.zeros([len(features["input_ids"]), 3])
        logits[:, 0] = 100.0  # without doubt of class 0, which rows 0 and 2 of a file have
        return logits

    monkeypatch.setattr(classifier_training, "train", lambda *_, **__: 1)
    answer_with(monkeypatch, predict)
    done = run_task(BY_NAME["MNLI"], data, start=start, settings=SETTINGS)
    # Three examples of four cost nothing; that of class 1 costs 100 nats, exact in float32.
    assert done.dev_loss == 25.0


@pytest.mark.parametrize("is_random", [False, True])
def test_weights_of_an_earlier_training_are_fine_tuned(tmp_path, start, monkeypatch, is_random):
    received = []

    def train(*_, fine_tuning, **__):
        received.append(fine_tuning)
        return 1

    monkeypatch.setattr(classifier_training, "train", train)
    make_task(tmp_path / "glue", "RTE")
    start = dataclasses.replace(start, is_random=is_random)
    data = read_task(BY_NAME["RTE"], str(tmp_path / "glue"))
    run_task(BY_NAME["RTE"], data, start=start, settings=SETTINGS)
    # What another `build` makes, a prompt, was not trained before.
    run_task(BY_NAME["RTE"], data, start=start, settings=SETTINGS, build=_whole_classifier)
    assert received == [not is_random, False]


def test_texts_are_answered_in_parts_and_in_order(start, monkeypatch):
    monkeypatch.setattr("pipeline.glue.task_run._TEXTS_PER_PART", 2)

    def predict(model, features, *, batch_size):
        assert len(features["input_ids"]) <= 2
        good = start.tokenizer.vocab.index("good")
        return np.stack(
            [
                np.zeros(len(features["input_ids"])) + 0.5,
                (features["input_ids"] == good).sum(axis=1),
            ],
            axis=1,
        )

    answer_with(monkeypatch, predict)
    texts = (["bad", "good", "good", "bad", "good"],)
    answers = predict_texts(BY_NAME["SST-2"], None, texts, start=start, settings=SETTINGS)
    assert answers.tolist() == [0, 1, 1, 0, 1]


def test_a_model_is_traced_once_for_all_epochs_and_once_for_all_parts(
    tmp_path, start, trained_on, monkeypatch
):
    made = []

    def make_predict(model, *, batch_size):
        made.append(model)
        return lambda features: np.zeros([len(features["input_ids"]), 2])

    def train(model, *_, after_epoch, **__):
        for epoch in (1, 2, 3):
            after_epoch(epoch)
        return 3

    monkeypatch.setattr(classifier_training, "make_predict", make_predict)
    monkeypatch.setattr(classifier_training, "train", train)
    monkeypatch.setattr("pipeline.glue.task_run._TEXTS_PER_PART", 2)
    make_task(tmp_path / "glue", "SST-2")
    task = BY_NAME["SST-2"]
    data = read_task(task, str(tmp_path / "glue"))
    best = dataclasses.replace(SETTINGS, choose="best")
    done = run_task(task, data, start=start, settings=best)
    assert made == [done.model]
    predict_texts(task, done.model, (["good"] * 5,), start=start, settings=SETTINGS)
    assert made == [done.model] * 2


def test_the_best_epoch_is_restored_and_frozen_weights_stay_as_they_are(
    tmp_path, start, monkeypatch
):
    """Epoch 1 answers every text right, epoch 2 none; the first bias tells them apart."""

    def train(model, *_, after_epoch, **__):
        for epoch in (1, 2):
            for variable in (model.head.bias, model.encoder.variables[0]):
                variable.assign(np.full_like(variable.numpy(), epoch))
            after_epoch(epoch)
        return 2

    def predict(model, features, *, batch_size):
        good = (features["input_ids"] == VOCAB.index("good")).any(axis=1)
        right = good if model.head.get_weights()[1][0] == 1 else ~good
        return np.stack([right, ~right], axis=1).astype(float)

    def frozen(*arguments):
        model = _whole_classifier(*arguments)
        model.encoder.trainable = False
        return model

    monkeypatch.setattr(classifier_training, "train", train)
    answer_with(monkeypatch, predict)
    make_task(tmp_path / "glue", "SST-2")
    data = read_task(BY_NAME["SST-2"], str(tmp_path / "glue"))
    best = dataclasses.replace(SETTINGS, choose="best")
    done = run_task(BY_NAME["SST-2"], data, start=start, settings=best, build=frozen)
    assert done.row["epoch"] == 1 and done.model.head.get_weights()[1].tolist() == [1, 1]
    assert set(done.model.encoder.variables[0].numpy().flat) == {2}


def test_majority_is_the_score_of_the_most_frequent_training_label(tmp_path, start, trained_on):
    make_task(tmp_path / "glue", "SST-2")
    data = read_task(BY_NAME["SST-2"], str(tmp_path / "glue"))
    done = run_task(BY_NAME["SST-2"], data, start=start, settings=SETTINGS)
    (dev,) = data.dev_sets
    frequent = np.bincount(data.train.labels).argmax()
    assert done.row["majority_score"] == np.mean(dev.labels == frequent)
