import pathlib

import pytest
import tensorflow as tf
from checkpointed_runs import kept, started, train, trained, values

from pipeline.run.checkpoints import files


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("ending", [".data-00000-of-00001", ".index", ".json"])
def test_of_a_damaged_checkpoint_the_one_before_is_used_and_said(tmp_path, capsys, ending):
    model, optimizer, checkpoint = trained(tmp_path)
    before = values(model.weights)
    train(model, optimizer, checkpoint)
    checkpoint.save()
    flip_a_byte(tmp_path / "checkpoints" / f"ckpt-6{ending}")
    other, _, checkpoint = started(tmp_path, seed=1)
    assert checkpoint.restore()
    assert (values(other.weights), checkpoint.steps_done) == (before, 3)
    printed = capsys.readouterr().err
    assert "ckpt-6 is damaged" in printed and "the one before is used, ckpt-3" in printed


@pytest.mark.parametrize("missing", [".data-00000-of-00001", ".index"])
def test_a_checkpoint_without_one_of_its_files_is_damaged(tmp_path, missing):
    trained(tmp_path)
    (tmp_path / "checkpoints" / f"ckpt-3{missing}").unlink()
    with pytest.raises(OSError, match=f"no whole checkpoint: ckpt-3 is damaged .ckpt-3{missing}"):
        started(tmp_path, seed=1)[2].restore()


def test_what_was_never_finished_is_no_checkpoint_and_goes_with_the_next(tmp_path, capsys):
    trained(tmp_path)
    folder = tmp_path / "checkpoints"
    for name in ("ckpt-6.index", "ckpt-6.data-00000-of-00001"):
        (folder / name).write_bytes(b"half")
    (folder / "ckpt-6_temp").mkdir()
    _, _, checkpoint = started(tmp_path, seed=1)
    assert checkpoint.restore() and checkpoint.steps_done == 3
    assert "ckpt-6 was not finished" in capsys.readouterr().err
    checkpoint.step.assign(5)
    checkpoint.save()
    assert not list(folder.glob("ckpt-6*"))


def test_a_first_checkpoint_that_was_never_finished_begins_again(tmp_path, capsys):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "ckpt-3.index").write_bytes(b"half")
    assert not started(tmp_path, seed=1)[2].restore()
    assert "ckpt-3 was not finished" in capsys.readouterr().err


def test_a_disk_that_is_full_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    model, optimizer, checkpoint = trained(tmp_path)
    before = values(model.weights)
    train(model, optimizer, checkpoint)

    def half_a_checkpoint(self, path, options=None):
        pathlib.Path(f"{path}.data-00000-of-00001").write_bytes(b"half")
        raise tf.errors.ResourceExhaustedError(None, None, f"{path}; No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tf.train.Checkpoint, "write", half_a_checkpoint)
        with pytest.raises(
            OSError, match="step 6 could not.*: No space left on device. ckpt-3 is whole; make"
        ):
            checkpoint.save()
    assert not list((tmp_path / "checkpoints").glob("ckpt-6*"))
    other, _, checkpoint = started(tmp_path, seed=1)
    assert checkpoint.restore() and values(other.weights) == before


def test_a_disk_that_fills_up_after_the_checkpoint_leaves_it_whole(tmp_path, monkeypatch):
    """As its held-out loss is added, or an old one removed; else none would be left here."""
    model, optimizer, checkpoint = trained(tmp_path, keep=1)
    before = values(model.weights)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "seal", full)
        with pytest.raises(OSError, match="step 3 could not be written.* ckpt-3 is whole"):
            checkpoint.evaluated(5.0)
    other, _, again = started(tmp_path, seed=1)
    assert again.restore() and values(other.weights) == before
    train(model, optimizer, checkpoint)
    with monkeypatch.context() as patch:
        patch.setattr(files, "keep_only", full)
        checkpoint.save()
    assert kept(tmp_path) == ["ckpt-3", "ckpt-6"]
    checkpoint.step.assign(9)
    checkpoint.save()
    assert kept(tmp_path) == ["ckpt-9"]


def test_what_a_signal_saves_after_a_damaged_checkpoint_stays(tmp_path):
    model, optimizer, checkpoint = trained(tmp_path, every_steps=3)
    train(model, optimizer, checkpoint)
    checkpoint.save()
    flip_a_byte(tmp_path / "checkpoints" / "ckpt-6.data-00000-of-00001")
    model, optimizer, checkpoint = started(tmp_path, seed=1, every_steps=3)
    assert checkpoint.restore()
    train(model, optimizer, checkpoint, 1)
    checkpoint.save()
    other, _, checkpoint = started(tmp_path, seed=2, every_steps=3)
    assert checkpoint.restore()
    assert (values(other.weights), checkpoint.steps_done) == (values(model.weights), 4)
