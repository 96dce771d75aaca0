"""A run that is killed, signalled or rolled back ends with the figures of one that was not."""

import json
import os
import signal
import time

import pytest
from pretraining_runs import DROPOUT, rows

from models import losses
from pipeline import cli, pretrain
from pipeline.recipes import loader
from pipeline.run.checkpoints import TrainingCheckpoint
from pipeline.run.checkpoints.files import all_finished
from pipeline.run.loss_guard import LossGuard
from pipeline.run.watching.progress import TrainingProgress


def test_killed_run_ends_with_the_figures_of_an_uninterrupted_one(
    finished, records_dir, tmp_path, tiny_recipe, monkeypatch
):
    trained = TrainingProgress.trained

    def killed_at_step_8(self, sums, **arguments):
        trained(self, sums, **arguments)
        if self._checkpoint.steps_done >= 8:
            raise KeyboardInterrupt

    # The other run logs no step sizes of variables: to log them changes nothing.
    recipe = tiny_recipe(*DROPOUT, "train.log_step_sizes=true")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TrainingProgress, "trained", killed_at_step_8)
        pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(tmp_path))
    assert not (tmp_path / "COMPLETED").exists()
    figures = pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(tmp_path))
    expected = {**finished[1], "seconds": figures["seconds"]}
    assert figures == expected  # bit for bit, not approximately
    assert len(list((tmp_path / "tensorboard" / "train").glob("events.*"))) == 2
    assert [row["step"] for row in rows(tmp_path, "train")] == [3, 6, 9, 12]


def test_a_kill_between_an_evaluation_and_its_note_does_not_lose_the_best_checkpoint(
    records_dir, tmp_path, tiny_recipe, monkeypatch
):
    """Step 6 is saved, judged, and the process dies before its checkpoint knows the loss."""
    recipe = tiny_recipe("train.checkpoint_every_steps=6")

    def killed(self, heldout_loss):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TrainingCheckpoint, "evaluated", killed)
        pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(tmp_path))
    pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(tmp_path))
    logged = {row["step"]: row["masked_lm_loss"] for row in rows(tmp_path, "heldout")}
    noted = {state.step: state.heldout_loss for state in all_finished(f"{tmp_path}/checkpoints")}
    assert noted == logged and list(logged) == [6, 12]


def test_a_signal_saves_between_checkpoints_and_exits_with_0(
    finished, records_dir, tmp_path, tiny_recipe, monkeypatch, capsys
):
    trained = TrainingProgress.trained

    def signalled_at_step_6(self, sums, **arguments):
        trained(self, sums, **arguments)
        if self._checkpoint.steps_done == 6:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1.0)  # a thread takes note

    recipe, output = tmp_path / "recipe.yaml", tmp_path / "run"
    loader.save_recipe(tiny_recipe(*DROPOUT), recipe)
    files = ("--recipe", str(recipe), "--data", records_dir, "--output", str(output))
    with monkeypatch.context() as patch:
        patch.setattr(TrainingProgress, "trained", signalled_at_step_6)
        assert cli.main(["pretrain", *files]) == 0
    assert "SIGTERM: saved at step 6; run the same command again" in capsys.readouterr().out
    assert not (output / "COMPLETED").exists()
    # Step 6 was to be evaluated too: it is, by the next start.
    assert not rows(output, "heldout")
    assert cli.main(["pretrain", *files]) == 0
    figures = json.loads((output / "COMPLETED").read_text())
    assert figures == {**finished[1], "seconds": figures["seconds"]}
    evaluated = [row["loss"] for row in rows(output, "heldout")]
    assert evaluated == [row["loss"] for row in rows(finished[0], "heldout")]


def spike_on_batches_7_and_8(patch):
    """Makes the loss of two batches ten times as high, wherever in the run they are used."""
    usable, train_batches = LossGuard.usable, pretrain._train_batches
    ten_times_the_loss = [10.0 if name.endswith("_loss") else 1.0 for name in losses.METRIC_SUMS]
    offset = []

    def batches_from(strategy, data, initial, checkpoint):
        offset[:] = [checkpoint.batches_used - checkpoint.steps_done]
        return train_batches(strategy, data, initial, checkpoint)

    def higher(self, sums, *, done, stop):
        batches = range(done + 1 + offset[0], stop + 1 + offset[0])
        high = sum(batch in (7, 8) for batch in batches)
        return usable(self, sums, done=done, stop=stop) * (ten_times_the_loss if high else 1.0)

    patch.setattr(pretrain, "_train_batches", batches_from)
    patch.setattr(LossGuard, "usable", higher)


@pytest.mark.slow
def test_a_spike_is_undone_the_same_way_in_a_run_that_was_killed(
    finished, records_dir, tmp_path, tiny_recipe, monkeypatch, capsys
):
    spikes = ("train.rollback_on_spike=3.0", "train.spike_window_steps=2")
    recipe = tiny_recipe(*DROPOUT, *spikes)

    def run(name):
        return pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(tmp_path / name))

    spike_on_batches_7_and_8(monkeypatch)
    whole = run("whole")
    printed = capsys.readouterr().err
    assert "steps 7 to 8 rose from" in printed
    assert "goes back to step 5 and leaves the 3 batches since then out" in printed
    assert whole["loss"] != finished[1]["loss"]  # other batches
    trained, lives = TrainingProgress.trained, []

    def killed_after_the_spike(self, sums, **arguments):
        trained(self, sums, **arguments)
        lives.append(self._checkpoint.steps_done)
        if lives.count(6) == 2:  # for the second time, on other batches
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TrainingProgress, "trained", killed_after_the_spike)
        run("killed")
    killed = run("killed")
    assert killed == {**whole, "seconds": killed["seconds"]}
    for name in ("whole", "killed"):
        [rolled_back] = json.loads((tmp_path / name / "run.json").read_text())["rolled_back"]
        assert (rolled_back["last_step"], rolled_back["to_step"]) == (8, 5)
        assert [row["step"] for row in rows(tmp_path / name, "train")] == [3, 6, 9, 12]
