"""A prompt that was saved answers as it did, alone and with others in one batch."""

import json

import numpy as np
import pytest
from numeric_bounds import rounding

from pipeline.pretrained_model import load_pretrained
from pipeline.prompts.folder import read_prompt
from pipeline.prompts.loading import SharedPrompts


def test_a_prompt_is_a_classifier_for_python(make_prompt):
    model = load_pretrained(make_prompt("films", labels=("no", "yes")))
    [answer] = model.predict(["a good film"])
    assert answer.label in ("no", "yes")
    assert 0.5 <= answer.probability <= 1.0


def test_one_batch_answers_many_tasks_as_each_alone(make_prompt):
    paths = {
        "films": make_prompt("films", length=5),
        "pairs": make_prompt("pairs", columns=("one", "two"), labels=("x", "y", "z")),
        "score": make_prompt("score", labels=()),
    }
    examples = [
        ("score", "a good film"),
        ("pairs", ("a film", "same film a bad")),
        ("films", "bad"),
        ("films", "a bad film"),
    ]
    shared = SharedPrompts(paths)
    answers = shared.predict(examples)
    for (name, text), logits, answer in zip(
        examples, shared.logits(examples), answers, strict=True
    ):
        alone = load_pretrained(paths[name])
        if name == "score":
            # A score is 2.5 times its logit; both paths round sums of 16 terms in another order,
            # some 100 one after another, of values below 10.
            np.testing.assert_allclose(alone.predict([text])[0], answer, atol=rounding(100) * 25)
            continue
        assert alone.predict([text])[0].label == answer
        powers = np.exp(logits - logits.max())
        found = alone.probabilities([text])[0]
        # As above; a probability moves by less than its logit.
        np.testing.assert_allclose(powers / powers.sum(), found, atol=rounding(100) * 10)


def test_a_name_that_is_no_prompt_is_refused(make_prompt):
    shared = SharedPrompts({"films": make_prompt("films")})
    with pytest.raises(ValueError, match="expects a name of films, received 'music'"):
        shared.predict([("music", "a film")])


@pytest.mark.parametrize("texts", ["a film", ("a film",), ("a film", "a bad film", "bad")])
def test_another_number_of_texts_than_the_task_has_is_refused(make_prompt, texts):
    shared = SharedPrompts({"pairs": make_prompt("pairs", columns=("one", "two"))})
    with pytest.raises(ValueError, match="predict expects 2 of pairs, its one and two, received"):
        shared.predict([("pairs", texts)])


def test_nothing_is_answered_with_nothing(make_prompt):
    assert SharedPrompts({"films": make_prompt("films")}).predict([]) == []


def test_prompts_of_two_models_are_refused(make_prompt):
    paths = {"a": make_prompt("a"), "b": make_prompt("b", encoder_hash="0123")}
    with pytest.raises(ValueError, match="prompts of one frozen model"):
        SharedPrompts(paths)


def test_a_model_with_other_weights_is_refused(make_prompt):
    with pytest.raises(ValueError, match="weights that the prompt was trained with"):
        load_pretrained(make_prompt("films", encoder_hash="0123"))


def test_a_model_that_was_moved_is_named(make_prompt, tmp_path):
    path = make_prompt("films", checkpoint=str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="correct 'checkpoint' in prompt.json"):
        load_pretrained(path)


def test_a_prompt_that_contradicts_its_description_is_refused(make_prompt):
    path = make_prompt("films", prompt_length=9)
    expected = r"prompt_embeddings: expected shape \[9, 16\] by prompt.json, received \[3, 16\]"
    with pytest.raises(ValueError, match=expected):
        read_prompt(path)


@pytest.mark.parametrize("change", [{"labels": 3}, {"task": None}, {"surprise": 1}])
def test_a_damaged_description_is_refused(make_prompt, tmp_path, change):
    path = make_prompt("films")
    file = tmp_path / "made" / "films" / "prompt.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ValueError, match=r"prompt.json: expected a description of a prompt"):
        load_pretrained(path)
