import json

import numpy as np
import pytest
import tensorflow as tf

from pipeline.run.run_folder import RunFolder
from pipeline.run.watching.progress import TrainingProgress, heldout_text, lengthening_text

# Sums of 10 predictions, 4 pairs, 60 tokens and 24 sequences; see `models.losses.METRIC_SUMS`.
SUMS = np.array([20.0, 5.0, 10.0, 2.0, 3.0, 4.0, 60.0, 24.0])
HELDOUT = {"masked_lm_loss": 3.25, "masked_lm_accuracy": 0.5}
PAIRS = {"next_sentence_loss": 0.625, "next_sentence_accuracy": 0.75}


class Checkpoint:
    """What progress asks a checkpoint."""

    def __init__(self):
        self.steps_done, self.skipped_steps = 0, 0
        self.seconds = tf.Variable(0.0, dtype=tf.float64)


FACTS = {"parameters": 1_234, "optimizer": "adamw", "devices": ["CPU:0"], "replicas": 1}
PEAK = {"flops_per_step": 2_000, "peak_flops": 8_000.0, "peak_origin": "measured"}


class Scalars:
    """Keeps what TensorBoard would be given."""

    def __init__(self):
        self.written = []

    def write(self, split, values, step):
        self.written.append((split, dict(values), step))


@pytest.fixture
def progress(tmp_path, tiny_recipe):
    """Progress of a run that logs every 3 steps of 8 sequences, with its checkpoint."""
    run = RunFolder(tmp_path, tiny_recipe())
    run.begin()
    run.write_run({**FACTS, "reads": "records of 10 tokens"})
    checkpoint = Checkpoint()
    with TrainingProgress(run, checkpoint, tiny_recipe(), 6.5) as entered:
        yield entered, checkpoint


def train(progress, step, sums=SUMS, seconds=2.0, **timing):
    shown, checkpoint = progress
    steps, checkpoint.steps_done = step - checkpoint.steps_done, step
    shown.trained(sums, num_steps=steps, seconds=seconds, **timing)


def rows(tmp_path):
    return [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]


def test_a_row_is_the_mean_since_the_last_one(progress, tmp_path):
    train(progress, 2)
    assert not (tmp_path / "metrics.jsonl").exists()
    train(progress, 3, sums=SUMS * [3, 1, 1, 1, 1, 1, 1, 1])
    train(progress, 6)
    first, second = rows(tmp_path)
    assert (first["step"], first["rows"], first["seconds"]) == (3, 24, 4.0)
    assert first["masked_lm_loss"] == 4.0  # (20 + 60) / 20
    assert first["next_sentence_accuracy"] == 0.75
    assert first["sequences_per_second"] == 12.0  # 2 x 24 in 4 seconds
    assert (first["tokens_per_second"], first["tokens_per_step"]) == (30.0, 40.0)
    assert (second["masked_lm_loss"], second["seconds"]) == (2.0, 6.0)
    assert second["sequences_per_second"] == 12.0


def test_rows_without_pairs_have_no_figures_of_them(progress, tmp_path):
    train(progress, 3, sums=SUMS * [1, 1, 1, 0, 0, 0, 1, 1])
    [row] = rows(tmp_path)
    assert row["loss"] == row["masked_lm_loss"] == 2.0
    assert not [name for name in row if "next_sentence" in name]


def test_a_row_of_skipped_steps_has_no_loss(progress, tmp_path):
    train(progress, 3, sums=SUMS * 0.0)
    [row] = rows(tmp_path)
    assert "loss" not in row and row["skipped_steps"] == 0


def test_a_run_that_went_back_counts_from_there(progress, tmp_path):
    shown, checkpoint = progress
    train(progress, 5)
    checkpoint.steps_done = 0
    shown.went_back()
    assert shown._bar.n == 0
    train(progress, 3, sums=SUMS * 2.0)
    assert rows(tmp_path)[-1]["masked_lm_loss"] == 2.0  # of the steps since then alone


def test_time_left_is_counted_anew_by_a_run_that_went_back(progress):
    shown, checkpoint = progress
    train(progress, 3)
    checkpoint.steps_done = 0
    shown.went_back()
    train(progress, 3)  # where the pace was counted from
    assert "? left" in str(shown._bar)


def test_rows_and_the_line_have_the_fractions_of_peak_and_of_waiting(tmp_path, tiny_recipe, capsys):
    run = RunFolder(tmp_path, tiny_recipe())
    run.begin()
    run.write_run({**FACTS, **PEAK, "reads": "records of 10 tokens"})
    checkpoint, scalars = Checkpoint(), Scalars()
    with TrainingProgress(run, checkpoint, tiny_recipe(), 6.5, scalars) as entered:
        train((entered, checkpoint), 3, seconds=3.0, waiting=0.03)
        checkpoint.steps_done = 6
        entered.evaluated(HELDOUT)
    [row, _] = rows(tmp_path)
    assert (row["fraction_of_peak"], row["fraction_waiting"]) == (0.25, 0.01)  # 2,000 a second
    [(_, written, step), heldout] = scalars.written
    assert step == 3 and written.items() <= row.items()
    assert {"masked_lm_loss", "tokens_per_second", "skipped_steps"} <= written.keys()
    assert heldout == ("heldout", HELDOUT, 6)
    printed = capsys.readouterr().err
    assert "peak of the devices 8.00 kflop/s (measured)" in printed
    line = printed.splitlines()[-1]
    assert "3/12, loss 2.500, mlm 50.0%, nsp 75.0%, 8.00 seq/s, 20.0 tok/s, 25% of peak" in line
    assert line.endswith("waiting 1.0%, ? left")  # the first loop compiles


def test_time_left_is_by_the_pace_since_the_first_loop(progress, monkeypatch):
    clock = iter([100.0, 130.0, 190.0])
    monkeypatch.setattr("pipeline.run.watching.progress.time.perf_counter", lambda: next(clock))
    left = [progress[0]._time_left(step) for step in (3, 6, 9)]
    assert left == ["?", "01:00", "00:45"]  # 6 steps of 10 seconds, 3 steps of 15


def test_a_log_file_gets_whole_lines(progress, capsys):
    train(progress, 3)
    progress[0].__exit__()
    assert "\r" not in capsys.readouterr().err


def test_evaluation_is_logged_and_printed(progress, tmp_path, capsys):
    shown, checkpoint = progress
    checkpoint.steps_done = 6
    shown.evaluated({**HELDOUT, **PAIRS})
    [row] = rows(tmp_path)
    assert (row["split"], row["step"], row["masked_lm_loss"]) == ("heldout", 6, 3.25)
    assert "sequences_per_second" not in row
    assert "step       6  held-out: masked-LM loss 3.2500 nats" in capsys.readouterr().err


def test_held_out_figures_in_words():
    assert heldout_text({**HELDOUT, **PAIRS, "unigram_loss": 6.5}) == (
        "masked-LM loss 3.2500 nats (unigram plateau 6.5000), accuracy 0.5000; "
        "next-sentence loss 0.6250, accuracy 0.7500"
    )
    assert heldout_text({**HELDOUT, "unigram_loss": 6.5}) == (
        "masked-LM loss 3.2500 nats (unigram plateau 6.5000), accuracy 0.5000"
    )


def test_the_first_lines_say_what_runs_where(tmp_path, tiny_recipe, capsys):
    run = RunFolder(tmp_path, tiny_recipe())
    run.begin()
    facts = {"parameters": 4_385_920, "optimizer": "mnemosyne", "devices": ["GPU:0", "GPU:1"]}
    run.write_run({**facts, "replicas": 2, "reads": "records of 10 tokens"})
    checkpoint = Checkpoint()
    checkpoint.steps_done = 5
    with TrainingProgress(run, checkpoint, tiny_recipe(), 6.5):
        printed = capsys.readouterr().err
    for text in ("4,385,920 parameters", "GPU:0, GPU:1", "batch 8 = 2 x 4 sequences"):
        assert text in printed
    assert "records of 10 tokens" in printed and "continues at step 5" in printed


def test_a_longer_run_says_what_becomes_of_its_schedule():
    text = lengthening_text({"at_step": 1_500, "before": 1_500, "now": 3_000})
    assert "from 1,500 to 3,000 steps at step 1,500" in text
    assert "optimizer state are kept" in text and "that of a run of 3,000 steps" in text
