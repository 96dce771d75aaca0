"""Shared by all tests: two logical CPU devices, little configurations and batches."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import tensorflow as tf


def pytest_configure(config):
    """Splits the CPU before any test starts TensorFlow, so that two replicas can be tried."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


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
