"""The weights that fine-tuning starts from."""

import numpy as np
import pytest
import tensorflow as tf

from models import BertConfig, BertPretrainer
from pipeline.glue import initial_weights

CONFIG = BertConfig(
    vocab_size=12,
    hidden_dim=16,
    num_layers=1,
    num_heads=2,
    intermediate_dim=16,
    max_position_embeddings=8,
)


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    """A run folder with a checkpoint of step 400, and the pretrainer whose weights it holds."""
    model = BertPretrainer(CONFIG)
    names = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
    model({name: tf.ones([1, 4], tf.int32) for name in names})
    model.encoder.set_weights([weights + 0.5 for weights in model.encoder.get_weights()])
    CONFIG.save(tmp_path / "bert_config.json")
    checkpoint = tf.train.Checkpoint(model=model)
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path / "checkpoints"), max_to_keep=1)
    manager.save(checkpoint_number=400)
    return str(tmp_path), model


def test_the_encoder_of_the_checkpoint_is_taken(run):
    directory, model = run
    weights, step = initial_weights.encoder_weights(CONFIG, directory, random_init=False, seed=0)
    assert step == 400
    for expected, found in zip(model.encoder.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_random_weights_depend_on_the_seed_alone():
    first, again, other = (
        initial_weights.weights_hash(
            initial_weights.encoder_weights(CONFIG, "unused", random_init=True, seed=seed)[0]
        )
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("name", "step"),
    [("run-7/checkpoints/ckpt-400", 400), ("ckpt-0", 0), ("run-7/renamed", None), (None, None)],
)
def test_the_step_is_that_in_the_name_of_the_checkpoint(name, step):
    assert initial_weights.step_of(name) == step


def test_random_weights_have_no_step():
    _, step = initial_weights.encoder_weights(CONFIG, "unused", random_init=True, seed=0)
    assert step is None


def test_a_classifier_holds_the_given_encoder_and_a_seeded_head(run):
    directory, model = run
    weights, _ = initial_weights.encoder_weights(CONFIG, directory, random_init=False, seed=0)
    first, again, other = (
        initial_weights.build_classifier(CONFIG, 2, weights=weights, seed=seed)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.encoder.get_weights()[0], model.encoder.get_weights()[0])
    np.testing.assert_array_equal(first.head.get_weights()[0], again.head.get_weights()[0])
    assert (first.head.get_weights()[0] != other.head.get_weights()[0]).any()
