"""Shared by the tests of data_prep: a small vocabulary, a small corpus, one way to prepare it."""

import importlib.util
import json
import pathlib
import random
import string

import pytest

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "cat", "sat", "on", "mat", "dog", "ran", "sun", "sea", "tree", "un", "##able"]
PIECES = [*string.ascii_lowercase, *("##" + c for c in string.ascii_lowercase), *".,!?'"]
BEYOND_ASCII = ["\u00df", "##\u00df", "\u2026", "\u4f60", "\u597d", "\u0661"]


def neighbour(name):
    """A session fixture of the module beside this file, which no package holds."""

    @pytest.fixture(scope="session", name=name)
    def load():
        path = pathlib.Path(__file__).with_name(f"{name}.py")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


bert_twin = neighbour("bert_twin")
google_bert = neighbour("google_bert")
plain_records = neighbour("plain_records")
reader_invariants = neighbour("reader_invariants")
record_statistics = neighbour("record_statistics")


@pytest.fixture(scope="session")
def golden():
    """Counts in records of google-research/bert's script, as `google_bert.py` saved them."""
    path = pathlib.Path(__file__).parent / "golden" / "google_bert_statistics.json"
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def vocab_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocab") / "vocab.txt"
    entries = [*SPECIAL, *WORDS, *PIECES, *BEYOND_ASCII]
    path.write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def tokenizer(vocab_file):
    from data_prep.wordpiece import WordpieceTokenizer

    return WordpieceTokenizer(vocab_file)


@pytest.fixture(scope="session")
def documents():
    """Forty documents of 1 to 12 sentences of 3 to 14 words, the same in every run."""
    rng = random.Random(7)

    def sentence():
        words = [rng.choice([*WORDS[:-2], "unable", "zebra"]) for _ in range(rng.randint(3, 14))]
        return " ".join(words) + " ."

    return [[sentence() for _ in range(rng.randint(1, 12))] for _ in range(40)]


@pytest.fixture(scope="session")
def corpus_text(documents):
    """The documents as google-research/bert wants them: a sentence a line, blank lines between."""
    return "\n\n".join("\n".join(document) for document in documents) + "\n"


@pytest.fixture
def prepare(tmp_path, vocab_file):
    """Returns `prepare(*inputs, output="out", **flags)`: runs the command, returns its folder."""
    from data_prep.create_pretraining_data import main

    settings = {
        "max_seq_length": 32,
        "max_predictions_per_seq": 5,
        "dupe_factor": 2,
        "num_shards": 3,
        "heldout_fraction": 0.2,
        "sentences": "given",
        "vocab_file": vocab_file,
    }

    def run(*inputs, output="out", beam=(), **flags):
        folder = tmp_path / output
        arguments = [f"--input={each}" for each in inputs]
        arguments += [f"--{name}={value}" for name, value in {**settings, **flags}.items()]
        assert main([*arguments, f"--output={folder}", *beam]) == 0
        return folder

    return run


@pytest.fixture(scope="session")
def read_records():
    """Returns `read_records(path)`: records of a TFRecord file as dicts of lists, by protobuf."""
    import tensorflow as tf

    def read(path):
        records = []
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            records.append(
                {
                    name: list(value.int64_list.value or value.float_list.value)
                    for name, value in features.items()
                }
            )
        return records

    return read
