import dataclasses

import numpy as np
import pytest
from glue_folders import BY_NAME, VOCAB

from data_prep.wordpiece import WordpieceTokenizer
from pipeline.prompts.class_words import class_words
from pipeline.prompts.initial_prompt import initial_prompt


@pytest.fixture(name="start")
def fixture_start(tmp_path):
    """Returns `start(how, length, **more)`: the first number of each vector is the id of a word."""
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n")
    tokenizer = WordpieceTokenizer(str(tmp_path / "vocab.txt"), do_lower_case=True)
    embeddings = np.arange(len(VOCAB), dtype=np.float32)[:, None] * np.ones([1, 4], np.float32)

    def start(
        how, length, texts=(["a good film", "a film", "a bird"],), words=("bad", "same film")
    ):
        return initial_prompt(
            how, length, embeddings, tokenizer, texts=texts, class_words=words, seed=0
        )

    return start


def words_of(prompt):
    return [VOCAB[int(row[0])] for row in prompt]


def test_vocabulary_draws_different_words_of_the_texts(start):
    assert sorted(words_of(start("vocabulary", 3))) == ["a", "film", "good"]


def test_more_vectors_than_words_repeat_them(start):
    assert set(words_of(start("vocabulary", 30))) == {"a", "film", "good"}


def test_texts_of_unknown_words_begin_as_the_unknown_word(start):
    assert words_of(start("vocabulary", 2, texts=(["zebra"],))) == ["[UNK]", "[UNK]"]


def test_classes_come_first_then_drawn_words(start):
    words = words_of(start("classes", 5))
    assert words[:3] == ["bad", "same", "film"]
    assert set(words[3:]) <= {"a", "film", "good"}


def test_a_short_prompt_takes_the_first_words_of_the_classes(start):
    assert words_of(start("classes", 2)) == ["bad", "same"]


def test_a_regression_has_no_words():
    assert class_words(BY_NAME["STS-B"]) == ()


def test_a_task_of_a_user_has_its_own_words_whatever_its_name():
    task = dataclasses.replace(BY_NAME["SST-2"], labels=("very_good", "bad"))
    assert class_words(task) == ("very good", "bad")


def test_random_has_the_spread_of_the_words(start):
    prompt = start("random", 2_000)
    # Of 8,000 draws the deviation is known to 1 / sqrt(16,000) of itself; six of these.
    assert abs(prompt.std() / np.arange(len(VOCAB)).std() - 1) < 6 / 16_000**0.5


@pytest.mark.parametrize("task", [t for t in BY_NAME.values() if t.labels], ids=lambda t: t.name)
def test_every_class_has_words(task):
    words = class_words(task)
    assert len(set(words)) == len(task.labels)
    assert not any(word.isdigit() or "_" in word for word in words)
