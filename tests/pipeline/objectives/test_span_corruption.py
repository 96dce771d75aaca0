"""A T5 from records to prompts: one run, killed and gone on with, and what is refused."""

import json

import numpy as np
import pytest
import tensorflow as tf
from glue_folders import make_task

from data_prep import features as records
from mnemosyne_tf.parameter_roles import find_role
from models.t5 import T5
from pipeline import cli, dry_run, pretrain
from pipeline.data.span_reader import make_span_reader
from pipeline.glue.pretrained_run import read_run
from pipeline.objectives import objective_for
from pipeline.objectives.masked_lm import MaskedLM
from pipeline.objectives.span_corruption import SpanCorruption
from pipeline.run import preflight
from pipeline.run.watching.progress import TrainingProgress
from pipeline.weights.t5.folder import load_t5, read_t5_folder, variables_by_path


@pytest.fixture(scope="module")
def finished(span_records, t5_recipe, tmp_path_factory):
    """Returns (folder, figures) of one uninterrupted run, which nobody changes."""
    output = tmp_path_factory.mktemp("t5") / "run"
    return output, pretrain.pretrain(t5_recipe(), data_dir=span_records, output_dir=str(output))


def test_a_run_becomes_the_folder_of_a_t5_with_a_vector_for_every_sentinel(finished, span_records):
    output, figures = finished
    manifest = records.load_manifest(span_records)
    stored = read_t5_folder(output)
    assert stored.config.vocab_size == 18 + manifest.statistics["num_sentinels"]
    model = load_t5(stored)
    newest = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(output / "checkpoints")))
    name = "model/word_embeddings/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(model.word_embeddings, newest.get_tensor(name))
    assert figures["step"] == 6 and figures["skipped_steps"] == 0
    assert figures["loss"] == figures["target_loss"] and 0 <= figures["target_accuracy"] <= 1


def test_a_killed_run_ends_with_the_figures_of_an_uninterrupted_one(
    finished, span_records, t5_recipe, tmp_path, monkeypatch
):
    trained = TrainingProgress.trained

    def killed_at_step_5(self, sums, **arguments):
        trained(self, sums, **arguments)
        if self._checkpoint.steps_done >= 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TrainingProgress, "trained", killed_at_step_5)
        pretrain.pretrain(t5_recipe(), data_dir=span_records, output_dir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match="the run of a T5 that is not finished"):
        read_run(str(tmp_path))
    figures = pretrain.pretrain(t5_recipe(), data_dir=span_records, output_dir=str(tmp_path))
    assert figures == {**finished[1], "seconds": figures["seconds"]}  # bit for bit
    weights = [(folder / "model.safetensors").read_bytes() for folder in (finished[0], tmp_path)]
    assert weights[0] == weights[1]


@pytest.mark.slow
def test_prompts_are_trained_on_the_run_and_fine_tuning_wants_a_bert(finished, tmp_path, capsys):
    output, _ = finished
    make_task(tmp_path / "glue", "SST-2")
    task = ["--checkpoint", str(output), "--glue_dir", str(tmp_path / "glue"), "--tasks", "SST-2"]
    short = ["--num_train_epochs", "1", "--prompt_length", "2", "--max_seq_length", "16"]
    assert cli.main(["prompt", *task, *short, "--output", str(tmp_path / "prompts")]) == 0
    assert (tmp_path / "prompts" / "prompts" / "SST-2-seed0" / "prompt.json").is_file()
    assert cli.main(["glue", *task, "--output", str(tmp_path / "scores")]) == 2
    said = capsys.readouterr().err
    assert f"a T5; `mnemosyne prompt --checkpoint {output}` takes it" in said
    assert "other commands want a BERT" in said


def test_the_report_has_the_curves_of_targets_alone(finished, tmp_path):
    page = tmp_path / "report.html"
    assert cli.main(["report", str(finished[0]), "--output", str(page)]) == 0
    text = page.read_text()
    shown = ("nats per target token, by step", "target tokens predicted correctly", "target loss")
    assert all(words in text for words in shown)
    assert "masked" not in text.split("<h2>Settings")[0].split("</style>")[1]


def test_a_second_run_begins_with_the_weights_of_the_first(finished, span_records, t5_recipe):
    output, _ = finished
    manifest = records.load_manifest(span_records)
    fits = (f"train.initial_run={output}", "train.num_train_steps=9")
    preflight.check_initial_run(t5_recipe(*fits), manifest, SpanCorruption())
    with pytest.raises(ValueError, match="differs in num_layers: 1 -> 2; num_decoder_layers"):
        wider = t5_recipe(*fits, "model.num_layers=2")
        preflight.check_initial_run(wider, manifest, SpanCorruption())
    with pytest.raises(ValueError, match="must be a run of a BERT, .* is one of a T5"):
        preflight.check_initial_run(t5_recipe(*fits), manifest, MaskedLM())


def test_a_dry_run_says_what_it_would_take(span_records, t5_recipe, tmp_path):
    said = dry_run.dry_run(t5_recipe(), data_dir=span_records, output_dir=str(tmp_path / "run"))
    assert "T5-mini, " in said and "estimated: weights" in said
    assert not (tmp_path / "run").exists()


def test_records_of_the_other_model_are_refused_both_ways(
    span_records, bert_records, t5_recipe, tiny_recipe, tmp_path
):
    run = str(tmp_path / "run")
    with pytest.raises(ValueError, match="expected records of a T5 .*, received those of a BERT"):
        pretrain.pretrain(t5_recipe(), data_dir=bert_records, output_dir=run)
    with pytest.raises(ValueError, match="expected records of masked LM, received those of a T5"):
        pretrain.pretrain(tiny_recipe(), data_dir=span_records, output_dir=run)
    assert not (tmp_path / "run").exists()


def test_the_head_of_a_t5_is_a_readout_and_its_distances_a_position_table(t5_recipe, span_records):
    manifest = records.load_manifest(span_records)
    config = objective_for(t5_recipe(), manifest, span_records).config(t5_recipe(), manifest)
    model, ids = T5(config, name="t5"), tf.ones([1, 1], tf.int32)
    model({"input_ids": ids, "input_mask": ids, "decoder_input_ids": ids})
    named = variables_by_path(model).items()
    roles = {path: find_role(each.name, each.shape).role for path, each in named}
    assert roles["lm_head/kernel"] == "readout"
    assert roles["word_embeddings"] == "word table"
    assert roles["decoder/relative_positions/embeddings"] == "position table"
    block = "decoder/layer_0"
    assert roles[f"{block}/cross_attention/query/kernel"] == "query/key"
    assert roles[f"{block}/cross_attention/output/kernel"] == "value/output"
    assert roles[f"{block}/feed_forward/gate_proj/kernel"] == "feed-forward in"
    assert roles[f"{block}/feed_forward/down_proj/kernel"] == "feed-forward out"
    assert roles[f"{block}/feed_forward_norm/gamma"] == "norm"


def test_a_vocabulary_whose_first_entry_is_no_padding_is_refused(span_records, t5_recipe, tmp_path):
    manifest = records.load_manifest(span_records)
    manifest.save(str(tmp_path))
    (tmp_path / "vocab.txt").write_text("the\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    with pytest.raises(ValueError, match=r"expected \[PAD\] as entry 0, .*; received the"):
        make_span_reader(manifest, str(tmp_path), 16)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.packing=true", "train.packing false .a row is one text.*received true"),
        ("train.recompute=true", "train.recompute false"),
        ("train.initial_masked_lm_prob=0.3", "initial_masked_lm_prob null .*received 0.3"),
        ("model.dropout=0.1", r"Pass --set model.dropout=0.0"),
        ("model.max_position_embeddings=64", "max_position_embeddings null"),
        ("model.hidden_act=relu", "hidden_act null"),
        ("prepare.masking=dynamic", "masking static .*received dynamic"),
    ],
)
def test_settings_that_only_a_bert_has_are_refused(t5_recipe, setting, message):
    with pytest.raises(ValueError, match=message):
        t5_recipe(setting)


def test_the_log_has_the_figures_of_targets(finished):
    rows = [json.loads(line) for line in (finished[0] / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 3, 6, 6]
    assert all({"loss", "target_loss", "target_accuracy"} <= row.keys() for row in rows)
    assert not any("masked_lm_loss" in row for row in rows)
