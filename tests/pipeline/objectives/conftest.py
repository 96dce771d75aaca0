"""Little records of span corruption from text, and the recipe that fits them."""

import random

import pytest

from pipeline import cli
from pipeline.recipes import loader

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "."]
WORDS = ["the", "cat", "sat", "dog", "ran", "sun", "sea", "tree", "mat", "big"]
WORDS += ["positive", "negative"]
TINY = (
    "vocab.vocab_size=18",
    "prepare.max_seq_length=16",
    "model.num_layers=1",
    "model.hidden_dim=8",
    "model.num_heads=2",
    "model.intermediate_dim=16",
    "optimizer.name=adamw",
    "optimizer.learning_rate=0.01",
    "train.num_train_steps=6",
    "train.global_batch_size=8",
    "train.eval_every_steps=3",
    "train.num_eval_sequences=20",
    "train.checkpoint_every_steps=2",
    "train.log_every_steps=3",
    "train.steps_per_loop=2",
    "train.tensorboard=false",
)


@pytest.fixture(scope="session")
def t5_recipe():
    """Returns `make(*overrides)`: a recipe of a little T5 that trains 6 steps."""
    return lambda *overrides: loader.load_recipe("t5_mini_mnemosyne", [*TINY, *overrides])


@pytest.fixture(scope="session")
def span_records(tmp_path_factory):
    """A folder of records of span corruption, of 40 little documents."""
    return prepared(tmp_path_factory.mktemp("spans"), "--objective", "span_corruption")


@pytest.fixture(scope="session")
def bert_records(tmp_path_factory):
    """The same documents for a BERT."""
    return prepared(tmp_path_factory.mktemp("bert"), "--max_predictions_per_seq", "4")


def prepared(folder, *flags):
    (folder / "vocab.txt").write_text("".join(f"{entry}\n" for entry in SPECIAL + WORDS))
    rng = random.Random(0)
    documents = [
        "\n".join(" ".join(rng.choices(WORDS, k=rng.randint(3, 9))) + " ." for _ in range(12))
        for _ in range(40)
    ]
    (folder / "corpus.txt").write_text("\n\n".join(documents) + "\n")
    output = str(folder / "records")
    fixed = ["--input", str(folder / "corpus.txt"), "--vocab_file", str(folder / "vocab.txt")]
    fixed += ["--output", output, "--num_shards", "2", "--heldout_fraction", "0.3"]
    fixed += ["--dupe_factor", "1", "--sentences", "given", "--max_seq_length", "16"]
    assert cli.main(["prepare", *fixed, *flags]) == 0
    return output
