"""Every kind of record from `mnemosyne prepare` to a trained BERT and its report."""

import json
import random

import numpy as np
import pytest
import tensorflow as tf

from pipeline import cli, pretrain
from pipeline.run.watching.progress import TrainingProgress

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "."]
WORDS = ["the", "cat", "sat", "dog", "ran", "sun", "sea", "tree", "mat", "big", "##s", "##er"]
MODEL = (
    "vocab.vocab_size=18",
    "prepare.max_seq_length=16",
    "prepare.max_predictions_per_seq=4",
    "train.num_train_steps=4",
    "train.eval_every_steps=2",
    "train.log_every_steps=2",
    "train.checkpoint_every_steps=2",
)
FIGURES = {"loss", "masked_lm_loss", "masked_lm_accuracy"}
PAIR_FIGURES = {"next_sentence_loss", "next_sentence_accuracy"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Returns `make(*flags)`: a folder of records of 60 little documents, made once."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "vocab.txt").write_text("".join(f"{entry}\n" for entry in SPECIAL + WORDS))
    rng = random.Random(0)
    words = [*WORDS[:10], "cats", "runner", "bigger"]
    documents = [
        "\n".join(" ".join(rng.choices(words, k=rng.randint(3, 9))) + " ." for _ in range(12))
        for _ in range(60)
    ]
    (folder / "corpus.txt").write_text("\n\n".join(documents) + "\n")
    made = {}

    def make(*flags):
        if flags not in made:
            output = str(folder / f"records-{len(made)}")
            fixed = ["--input", str(folder / "corpus.txt"), "--vocab_file"]
            fixed += [str(folder / "vocab.txt"), "--output", output, "--num_shards", "2"]
            fixed += ["--heldout_fraction", "0.3", "--dupe_factor", "1", "--sentences", "given"]
            fixed += ["--max_predictions_per_seq", "4"]
            assert cli.main(["prepare", *fixed, *flags]) == 0
            made[flags] = output
        return made[flags]

    return make


def facts_and_rows(output):
    """What a run says of itself, and its rows of losses."""
    rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    of_losses = [row for row in rows if row["split"] in ("train", "heldout")]
    return json.loads((output / "run.json").read_text()), of_losses


@pytest.mark.slow
def test_unmasked_records_train_and_a_killed_run_ends_alike(
    prepared, tiny_recipe, tmp_path, monkeypatch
):
    data = prepared("--max_seq_length", "16", "--masking", "dynamic")
    recipe = tiny_recipe(*MODEL, "prepare.do_whole_word_mask=true", "prepare.masked_lm_prob=0.25")
    whole = pretrain.pretrain(recipe, data_dir=data, output_dir=str(tmp_path / "whole"))
    facts, rows = facts_and_rows(tmp_path / "whole")
    assert facts["reads"].endswith("masked in training: whole words, 25%, at most 4")
    assert all({*FIGURES, *PAIR_FIGURES} <= row.keys() for row in rows)

    trained = TrainingProgress.trained

    def killed_at_step_4(self, sums, **arguments):
        trained(self, sums, **arguments)
        if self._checkpoint.steps_done >= 4:
            raise KeyboardInterrupt

    again = tmp_path / "again"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TrainingProgress, "trained", killed_at_step_4)
        pretrain.pretrain(recipe, data_dir=data, output_dir=str(again))
    figures = pretrain.pretrain(recipe, data_dir=data, output_dir=str(again))
    assert figures == {**whole, "seconds": figures["seconds"]}  # bit for bit


@pytest.mark.slow
def test_records_without_pairs_have_no_figures_of_them(prepared, tiny_recipe, tmp_path, capsys):
    data = prepared("--max_seq_length", "16", "--objective", "mlm")
    recipe = tiny_recipe(*MODEL, "optimizer.name=mnemosyne", "optimizer.learning_rate=1.0")
    figures = pretrain.pretrain(recipe, data_dir=data, output_dir=str(tmp_path / "run"))
    assert figures["loss"] == figures["masked_lm_loss"]
    assert figures["skipped_steps"] == 0 and np.isfinite(figures["loss"])
    _, rows = facts_and_rows(tmp_path / "run")
    assert all(row.keys() >= FIGURES and not PAIR_FIGURES & row.keys() for row in rows)
    printed = capsys.readouterr()
    assert "next-sentence" not in printed.err + printed.out
    page = tmp_path / "report.html"
    assert cli.main(["report", str(tmp_path / "run"), data, "--output", str(page)]) == 0
    assert "sentence pairs told right" not in page.read_text()


@pytest.mark.slow
def test_two_phases_train_on_two_bins_of_one_folder(prepared, tiny_recipe, tmp_path):
    kind = ("--objective", "mlm", "--masking", "dynamic", "--short_seq_prob", "0.5")
    data = prepared("--max_seq_length", "32", "--bins", "16,32", *kind)
    first, second = tmp_path / "first", tmp_path / "second"
    pretrain.pretrain(tiny_recipe(*MODEL), data_dir=data, output_dir=str(first))
    longer = ("prepare.max_seq_length=32", f"train.initial_run={first}")
    frozen = ("optimizer.learning_rate=0.0",)
    recipe = tiny_recipe(*MODEL, *longer, *frozen)
    pretrain.pretrain(recipe, data_dir=data, output_dir=str(second))
    for output, length in ((first, 16), (second, 32)):
        facts, _ = facts_and_rows(output)
        assert facts["reads"].startswith(f"records of {length} tokens, masked in training: tokens")
    # The second phase had rate 0, so it ends with the very weights of the first.
    name = "model/masked_lm_head/output_bias/.ATTRIBUTES/VARIABLE_VALUE"
    weights = [
        tf.train.load_variable(tf.train.latest_checkpoint(str(folder / "checkpoints")), name)
        for folder in (first, second)
    ]
    assert np.abs(weights[0]).max() > 0
    np.testing.assert_array_equal(*weights)


@pytest.mark.slow
def test_all_bins_share_rows_with_fewer_and_fewer_masks(prepared, tiny_recipe, tmp_path):
    kind = ("--objective", "mlm", "--masking", "dynamic", "--short_seq_prob", "0.5")
    data = prepared("--max_seq_length", "32", "--bins", "16,32", *kind)
    recipe = tiny_recipe(
        *MODEL,
        "prepare.max_seq_length=32",
        "prepare.max_predictions_per_seq=10",
        "train.packing=true",
        "train.initial_masked_lm_prob=0.3",
    )
    figures = pretrain.pretrain(recipe, data_dir=data, output_dir=str(tmp_path / "run"))
    assert np.isfinite(figures["loss"])
    facts, rows = facts_and_rows(tmp_path / "run")
    assert facts["reads"].startswith("records of 16 and 32 tokens, packed into rows of 32 (")
    shape = facts["batch_shape"]
    assert shape["record_lengths"] == [16, 32] and shape["max_sequences"] > 1
    # A batch of eight rows has several sequences in some of them: of one segment, so no labels.
    assert shape["sequences_per_row"] > 1.1
    assert all(row.keys() >= FIGURES and not PAIR_FIGURES & row.keys() for row in rows)


@pytest.mark.slow
def test_records_longer_than_the_published_512_tokens_train(prepared, tiny_recipe, tmp_path):
    data = prepared("--max_seq_length", "640")
    recipe = tiny_recipe(*MODEL, "prepare.max_seq_length=640", "train.num_train_steps=2")
    figures = pretrain.pretrain(recipe, data_dir=data, output_dir=str(tmp_path / "run"))
    assert np.isfinite(figures["loss"])
    config = json.loads((tmp_path / "run" / "bert_config.json").read_text())
    assert config["max_position_embeddings"] == 640


def test_a_length_without_a_bin_is_refused_by_the_command(prepared, tmp_path, capsys):
    kind = ("--objective", "mlm", "--masking", "dynamic", "--short_seq_prob", "0.5")
    data = prepared("--max_seq_length", "32", "--bins", "16,32", *kind)
    arguments = ["--recipe", "bert_tiny_sample", "--data", data, "--output", str(tmp_path / "run")]
    assert cli.main(["pretrain", *arguments]) == 2
    assert "asks for 64" in (error := capsys.readouterr().err)
    assert "has bins of 16, 32. Pass --set prepare.max_seq_length=16" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (
            ("--max_seq_length", "16", "--masking", "dynamic"),
            ("words, not masked, next_sentence_labels", "masking is left to the trainer"),
        ),
        (
            ("--max_seq_length", "16", "--objective", "mlm"),
            (" predictions ", "random next none: records of one segment"),
        ),
        (
            ("--max_seq_length", "32", "--bins", "16,32"),
            ("of 16 tokens, ", " 31-32 "),
        ),
    ],
    ids=["dynamic", "mlm", "bins"],
)
def test_every_kind_can_be_inspected(prepared, flags, expected, capsys):
    data = prepared(*flags)
    capsys.readouterr()
    assert cli.main(["inspect", data, "--count", "2"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert [text for text in expected if text not in printed] == []
