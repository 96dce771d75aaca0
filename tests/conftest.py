"""Shared by all tests: two logical CPU devices, little configurations and batches."""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras


def pytest_configure(config):
    """Splits the CPU before any test starts TensorFlow, so that two replicas can be tried."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def pytest_fixture_setup(fixturedef):
    """Seeds fixtures that several tests share: else they depend on which tests ran before."""
    if fixturedef.scope != "function":
        keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def _the_same_random_numbers_in_every_run():
    # Of Keras 2: it keeps a generator of seeds of its own, which `tf.keras`, here Keras 3, leaves.
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def two_replicas():
    """The one MirroredStrategy of the test process, over both CPU devices.

    TensorFlow numbers the collectives of every strategy from the same start, so a second one
    in a process meets the first one's on CPU devices ("Shape mismatch in the collective").
    """
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="session")
def bert_config():
    """A BERT that compiles in a second: 50 words, width 8, 2 layers, no dropout."""
    from models import BertConfig

    return BertConfig(
        vocab_size=50,
        hidden_dim=8,
        num_layers=2,
        num_heads=2,
        intermediate_dim=16,
        max_position_embeddings=12,
        dropout=0.0,
        attention_dropout=0.0,
    )


@pytest.fixture
def pretraining_batch():
    """Returns `make(batch=4, seed=0)`: features of sequence length 10 with 3 predictions."""

    def make(batch=4, seed=0):
        rng = np.random.default_rng(seed)
        lengths = rng.integers(5, 11, batch)
        real = (np.arange(10) < lengths[:, None]).astype(np.int32)
        return {
            "input_ids": (rng.integers(5, 50, (batch, 10)) * real).astype(np.int32),
            "input_mask": real,
            "segment_ids": (np.arange(10) >= 3).astype(np.int32) * real,
            "masked_lm_positions": rng.integers(1, 5, (batch, 3)).astype(np.int32),
            "masked_lm_ids": rng.integers(5, 50, (batch, 3)).astype(np.int32),
            "masked_lm_weights": (np.arange(3) < rng.integers(1, 4, (batch, 1))).astype(np.float32),
            "next_sentence_labels": rng.integers(0, 2, batch).astype(np.int32),
            "next_sentence_weights": np.ones(batch, np.float32),
        }

    return make


@pytest.fixture(scope="session")
def pretrained_run(tmp_path_factory):
    """A run folder of records of 8 tokens, with random weights whose decoder prefers "cat"."""
    from models import BertConfig, BertPretrainer

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "on", "mat"]
    folder = tmp_path_factory.mktemp("pretrained") / "run"
    folder.mkdir()
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        max_position_embeddings=12,
    )
    config.save(folder / "bert_config.json")
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    facts = {
        "recipe": {"prepare": {"max_seq_length": 8}},
        "data_manifest": {"settings": {"do_lower_case": True, "ids": "bert"}},
    }
    (folder / "run.json").write_text(json.dumps(facts))
    model = BertPretrainer(config)
    ones = tf.ones([1, 2], tf.int32)
    names = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
    model(dict.fromkeys(names, ones))
    model.masked_lm_head.output_bias.assign(50.0 * tf.one_hot(vocabulary.index("cat"), 10))
    tf.train.Checkpoint(model=model).save(str(folder / "checkpoints" / "ckpt"))
    return folder
