"""`mnemosyne glue --watch`, with a run that writes and removes checkpoints between two checks."""

import json

import pytest

from pipeline.glue.watch.story import watch
from pipeline.run.checkpoints import files


class PretendedRun:
    """A run folder whose checkpoints have no tensors."""

    def __init__(self, folder):
        self.folder = folder
        self.checkpoints = folder / "checkpoints"
        self.checkpoints.mkdir(parents=True)
        (folder / "bert_config.json").write_text("{}")

    def save(self, step):
        path = self.checkpoints / f"ckpt-{step}"
        for ending in ("index", "data-00000-of-00001"):
            path.with_suffix(f".{ending}").write_text("tensors")
        files.seal(str(self.checkpoints), files.SavedState(step=step, batches_used=step))

    def remove(self, step):
        for path in self.checkpoints.glob(f"ckpt-{step}.*"):
            path.unlink()

    def complete(self):
        (self.folder / "COMPLETED").write_text("{}")


@pytest.fixture
def run(tmp_path):
    return PretendedRun(tmp_path / "run")


class Scorer:
    """Writes the folder of scores that fine-tuning would write."""

    def __init__(self, diverges=()):
        self.steps, self.diverges = [], diverges

    def __call__(self, checkpoint, output):
        import pathlib

        step = int(checkpoint.rpartition("-")[2])
        self.steps.append(step)
        if step in self.diverges:
            return 1
        folder = pathlib.Path(output)
        folder.mkdir(parents=True)
        rows = [{"task": "CoLA", "score": step / 1000}, {"task": "RTE", "score": 0.5}]
        (folder / "results.json").write_text(json.dumps({"settings": {}, "rows": rows}))
        (folder / "COMPLETED").write_text("{}")
        return 0


def watch_run(run, output, score, *, sleep=None, settings=None):
    def never(seconds):
        raise AssertionError("waited for a run that is complete")

    return watch(str(run.folder), str(output), score, settings=settings or {}, sleep=sleep or never)


def test_new_checkpoints_are_scored_until_the_run_is_complete(run, tmp_path, capsys):
    checks = []

    def sleep(seconds):
        checks.append(seconds)
        run.save(100 * len(checks))
        if len(checks) == 3:
            run.complete()

    score = Scorer()
    assert watch_run(run, tmp_path / "out", score, sleep=sleep) == 0
    assert score.steps == [100, 200, 300]
    saved = json.loads((tmp_path / "out" / "scores_by_step.json").read_text())
    assert saved["steps"][1] == {"step": 200, "scores": {"CoLA": 0.2, "RTE": 0.5}}
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[-1] == ["|", "300", "|", "30.0", "|", "50.0", "|", "40.0", "|"]
    assert (tmp_path / "out" / "scores_by_step.md").read_text().startswith("# Dev scores of")
    assert (tmp_path / "out" / "scores_by_step.png").read_bytes().startswith(b"\x89PNG")


def test_the_newest_comes_first_and_finished_steps_are_skipped(run, tmp_path):
    run.save(100)
    run.complete()
    watch_run(run, tmp_path / "out", Scorer())
    run.save(200)
    run.save(300)
    score = Scorer()
    assert watch_run(run, tmp_path / "out", score) == 0
    assert score.steps == [300, 200]


def test_a_checkpoint_removed_meanwhile_is_passed_over(run, tmp_path, capsys):
    run.save(100)
    run.save(200)
    run.complete()
    scorer = Scorer()

    def score(checkpoint, output):
        if checkpoint.endswith("200"):
            run.remove(200)
            raise FileNotFoundError(checkpoint)
        return scorer(checkpoint, output)

    assert watch_run(run, tmp_path / "out", score) == 0
    assert scorer.steps == [100]
    assert "step 200: the run removed this checkpoint" in capsys.readouterr().out


def test_another_error_is_not_taken_for_a_removed_checkpoint(run, tmp_path):
    run.save(100)

    def score(checkpoint, output):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        watch_run(run, tmp_path / "out", score)


def test_a_step_that_diverged_is_tried_once_and_told(run, tmp_path, capsys):
    run.save(100)
    run.save(200)
    run.complete()
    score = Scorer(diverges=[200])
    assert watch_run(run, tmp_path / "out", score) == 1
    assert score.steps == [200, 100]
    assert "diverged at step 200" in capsys.readouterr().out


def test_other_settings_are_refused(run, tmp_path):
    run.save(100)
    run.complete()
    watch_run(run, tmp_path / "out", Scorer(), settings={"batch_size": 16})
    with pytest.raises(ValueError, match="holds scores of other settings: batch_size"):
        watch_run(run, tmp_path / "out", Scorer(), settings={"batch_size": 32})


def test_a_path_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="--watch: expected --checkpoint"):
        watch(str(tmp_path), str(tmp_path / "out"), Scorer(), settings={})


def test_the_same_settings_continue(run, tmp_path):
    run.save(100)
    run.complete()
    settings = {"batch_size": 16, "learning_rate": None, "data": {"CoLA": "ab"}}
    watch_run(run, tmp_path / "out", Scorer(), settings=settings)
    score = Scorer()
    assert watch_run(run, tmp_path / "out", score, settings=settings) == 0
    assert score.steps == []


def test_a_model_folder_gets_no_checkpoints_to_wait_for(run, tmp_path):
    (run.folder / "model.json").write_text("{}")
    with pytest.raises(ValueError, match="received the model folder .* leave --watch out"):
        watch_run(run, tmp_path / "out", Scorer())
