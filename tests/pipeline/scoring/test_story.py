"""`mnemosyne score`: pseudo-log-likelihoods against one masked copy at a time."""

import json

import numpy as np
import pytest
import tensorflow as tf

from pipeline import load_pretrained
from pipeline.commands import score
from pipeline.masked_words import features_of


def slow_score(bert, ids):
    """The definition: one forward pass for each token, in float64 from the logits on."""
    total = 0.0
    for position in range(1, len(ids) - 1):
        masked = np.array(ids)
        masked[position] = bert.tokenizer.mask_id
        outputs = bert.model(features_of(masked[None], np.array([[position]])))
        logits = outputs["masked_lm_logits"].numpy()[0, 0].astype(np.float64)
        total += logits[ids[position]] - np.log(np.exp(logits - logits.max()).sum()) - logits.max()
    return total


@pytest.fixture
def level_run(pretrained_run):
    """The run's model without the bias of 50 that drowns its logits."""
    bert = load_pretrained(pretrained_run)
    bert.model.masked_lm_head.output_bias.assign(
        tf.zeros_like(bert.model.masked_lm_head.output_bias)
    )
    return bert


def score_file(model, path, output, *flags):
    return score.main([f"--checkpoint={model}", f"--input={path}", f"--output={output}", *flags])


def test_scores_are_those_of_the_definition(level_run, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("pipeline.scoring.story.load_pretrained", lambda path: level_run)
    path, output = tmp_path / "pairs.jsonl", tmp_path / "scores.jsonl"
    path.write_text(
        '{"good": "the cat sat", "bad": "cat the on the mat"}\n{"good": "mat", "bad": ""}\n'
    )
    assert score_file("unused", path, output, "--batch_size=3") == 0
    (row,) = (json.loads(line) for line in output.read_text().splitlines())
    good, bad = slow_score(level_run, [2, 5, 6, 7, 3]), slow_score(level_run, [2, 6, 5, 8, 5, 9, 3])
    # Five log probabilities of a few nats, each from a few hundred float32 operations.
    error = 5 * 300 * float(np.finfo(np.float32).eps)
    assert row["good_score"] == pytest.approx(good, abs=error)
    assert row["bad_score"] == pytest.approx(bad, abs=error)
    assert row["row"] == 1 and row["correct"] == int(good > bad)
    assert json.loads((tmp_path / "scores.jsonl.rejects.jsonl").read_text())["row"] == 2
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"accuracy {100 * row['correct']:.1f} %, {row['correct']} of 1 pairs")
    assert "1 bad row in" in last


def test_the_accuracy_counts_pairs_whose_good_sentence_scores_higher(pretrained_run, tmp_path):
    # The decoder prefers "cat" at every mask, by 50.
    path, output = tmp_path / "pairs.tsv", tmp_path / "scores.tsv"
    path.write_text("yes\tno\ncat cat\tmat mat\nmat mat\tcat cat\ncat\tcat\n")
    assert score_file(pretrained_run, path, output, "--columns=yes,no") == 0
    correct = [line.split("\t")[-1] for line in output.read_text().splitlines()]
    assert correct == ["correct", "1", "0", "0"]  # equal scores are not correct


def test_a_sentence_too_long_for_the_model_is_left_out(pretrained_run, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"good": "the cat sat on the mat the", "bad": "cat"}) + "\n")
    with pytest.raises(ValueError, match="expected 1 to 6 tokens in column good, received 7"):
        score_file(pretrained_run, path, tmp_path / "scores.jsonl")
    assert not (tmp_path / "scores.jsonl").exists()


def test_masks_of_a_text_are_named(pretrained_run, capsys):
    flags = [f"--checkpoint={pretrained_run}", "--fill=the [MASK] sat", "--top_k=2"]
    assert score.main(flags) == 0
    header, first, _ = capsys.readouterr().out.splitlines()
    assert header.split() == ["mask", "entry", "probability"]
    assert first.split() == ["1", "cat", "1.0000"]


def test_scores_need_a_file():
    with pytest.raises(ValueError, match="--output: expected a file"):
        score.main(["--checkpoint=run", "--input=pairs.jsonl"])


def test_words_of_a_mask_are_printed_and_need_no_file(pretrained_run, tmp_path):
    flags = [
        f"--checkpoint={pretrained_run}",
        "--fill=the [MASK]",
        f"--output={tmp_path / 'x.tsv'}",
    ]
    with pytest.raises(ValueError, match="--output: expected none with --fill"):
        score.main(flags)
