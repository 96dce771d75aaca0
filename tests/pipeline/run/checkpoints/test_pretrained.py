import pytest
from checkpointed_runs import started, trained, values

from pipeline.run import checkpoints


def test_encoder_alone_comes_out(tmp_path):
    model, _, _ = trained(tmp_path)
    other, _, _ = started(tmp_path / "other", seed=1)
    head = values(other.head.weights)
    checkpoints.load_pretrained_encoder(other.encoder, tmp_path)
    assert values(other.encoder.weights) == values(model.encoder.weights)
    assert values(other.head.weights) == head


def test_weights_without_optimizer_and_step_begin_another_run(tmp_path):
    model, _, _ = trained(tmp_path)
    other, optimizer, checkpoint = started(tmp_path / "other", seed=1)
    state = values(optimizer.variables)
    checkpoints.load_pretrained_model(other, tmp_path)
    assert values(other.weights) == values(model.weights)
    assert (values(optimizer.variables), checkpoint.steps_done) == (state, 0)


def test_a_run_may_lie_in_a_folder_named_checkpoints(tmp_path):
    model, _, _ = trained(tmp_path / "checkpoints" / "small")
    other, _, _ = started(tmp_path / "other", seed=1)
    checkpoints.load_pretrained_model(other, tmp_path / "checkpoints" / "small")
    assert values(other.weights) == values(model.weights)
    one = tmp_path / "checkpoints" / "small" / "checkpoints" / "ckpt-3"
    assert checkpoints.run_of(one) == tmp_path / "checkpoints" / "small"
    assert checkpoints.newest_checkpoint(one) == str(one)


def test_folder_without_checkpoint_or_vocabulary_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint.*--output folder of"):
        checkpoints.newest_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match="no vocab.txt"):
        checkpoints.find_vocab(tmp_path)
