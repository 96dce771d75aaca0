"""A folder of little records, the recipe that fits it, and a run of it."""

import numpy as np
import pytest
from pretraining_runs import DROPOUT

from data_prep import features as records
from pipeline.recipes import loader

TINY = (
    "vocab.vocab_size=50",
    "prepare.max_seq_length=10",
    "prepare.max_predictions_per_seq=3",
    "model.num_layers=1",
    "model.hidden_dim=8",
    "model.num_heads=2",
    "model.intermediate_dim=16",
    "optimizer.name=adamw",
    "optimizer.learning_rate=0.01",
    "train.num_train_steps=12",
    "train.global_batch_size=8",
    "train.eval_every_steps=6",
    "train.num_eval_sequences=20",
    "train.checkpoint_every_steps=5",
    "train.log_every_steps=3",
    "train.steps_per_loop=4",
    "train.strategy=one",
)


@pytest.fixture(scope="session")
def tiny_recipe():
    """Returns `make(*overrides)`: a recipe for `records_dir` that trains 12 steps."""
    return lambda *overrides: loader.load_recipe("bert_tiny_sample", [*TINY, *overrides])


def little_records(count, seed):
    """Records of length 10 over 50 words; `input_ids[:, 1]` counts up, so order can be read."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(5, 50, (count, 10))
    ids[:, 1] = np.arange(count) % 50
    positions = np.tile([2, 4, 7], (count, 1))
    return {
        "input_ids": ids,
        "input_mask": np.ones((count, 10), np.int64),
        "segment_ids": np.tile(np.arange(10) >= 5, (count, 1)).astype(np.int64),
        "masked_lm_positions": positions,
        "masked_lm_ids": np.take_along_axis(ids, positions, axis=1),
        "masked_lm_weights": np.ones((count, 3), np.float32),
        "next_sentence_labels": rng.integers(0, 2, (count, 1)),
    }


@pytest.fixture(scope="session")
def records_dir(tmp_path_factory):
    """A finished folder of records: 40 in two training shards, 21 held out."""
    folder = tmp_path_factory.mktemp("records")
    splits = {}
    for split, counts in {"train": (25, 15), "heldout": (21,)}.items():
        shards = []
        for i, count in enumerate(counts):
            name = f"{split}-{i:05d}-of-{len(counts):05d}.tfrecord"
            framed = records.encode_tfrecords(little_records(count, seed=i))
            (folder / name).write_bytes(framed)
            shards.append({"file": name, "sequences": count, "sha256": ""})
        splits[split] = {"documents": 1, "sequences": sum(counts), "shards": shards}
    (folder / "vocab.txt").write_text("".join(f"w{i}\n" for i in range(50)))
    records.Manifest(
        settings={"max_seq_length": 10, "max_predictions_per_seq": 3},
        vocab={"size": 50, "sha256": ""},
        splits=splits,
        counts={},
        rejects={},
        statistics={},
        versions={},
    ).save(str(folder))
    (folder / "COMPLETED").write_text("")
    return str(folder)


@pytest.fixture(scope="session")
def finished(records_dir, tmp_path_factory, tiny_recipe):
    """Returns (folder, figures) of one uninterrupted run with dropout, which nobody changes."""
    from pipeline.pretrain import pretrain

    output = tmp_path_factory.mktemp("run")
    recipe = tiny_recipe(*DROPOUT)
    return output, pretrain(recipe, data_dir=records_dir, output_dir=str(output))
