"""Prompts of a T5, from flags to files, with SentencePiece."""

import json

import pytest
import tensorflow as tf
from glue_folders import make_task
from safetensors.numpy import load_file
from sentencepiece_model import sentencepiece_model

from models.t5 import T5, T5Config
from pipeline.commands import prompt
from pipeline.glue import classifier_training
from pipeline.pretrained_model import load_pretrained
from pipeline.prompts import frozen_t5
from pipeline.prompts.loading import SharedPrompts
from pipeline.weights.t5.folder import save_t5

WORDS = ["a", "good", "bad", "film", "negative", "positive"]


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    """Returns `run(*flags, tasks=...)`: exit code, with a T5 of random weights."""
    config = T5Config(vocab_size=12, hidden_dim=8, intermediate_dim=8, num_layers=1, num_heads=2)
    model, ids = T5(config), tf.ones([1, 1], tf.int32)
    model({"input_ids": ids, "input_mask": ids, "decoder_input_ids": ids})
    save_t5(tmp_path / "t5", model)
    (tmp_path / "t5" / "spiece.model").write_bytes(sentencepiece_model(WORDS))
    for name in ("SST-2", "STS-B"):
        make_task(tmp_path / "glue", name)

    def run(*flags, tasks="SST-2"):
        words = ["--checkpoint", tmp_path / "t5", "--glue_dir", tmp_path / "glue", "--tasks", tasks]
        words += ["--output", tmp_path / "out", "--batch_size", 8, "--prompt_length", 4, *flags]
        return prompt.main([str(word) for word in words])

    return run


def test_a_prompt_is_tuned_saved_and_answers_with_the_labels_of_the_task(run, tmp_path):
    assert run("--prompt_init", "classes", "--num_train_epochs", 4) == 0
    folder = tmp_path / "out" / "prompts" / "SST-2-seed0"
    tensors = load_file(folder / "prompt.safetensors")
    assert {name: array.shape for name, array in tensors.items()} == {"prompt_embeddings": (4, 8)}
    said = json.loads((folder / "prompt.json").read_text())
    assert said["answers"] == ["negative", "positive"]
    lines = (tmp_path / "out" / "predictions" / "SST-2-seed0.tsv").read_text().splitlines()[1:]
    dev = (tmp_path / "glue" / "SST-2" / "dev.tsv").read_text().splitlines()[1:]
    answers = load_pretrained(folder).predict([line.split("\t")[0] for line in dev])
    assert [each.label for each in answers] == [line.split("\t")[1] for line in lines]


def test_scores_are_no_words(run):
    with pytest.raises(ValueError, match="tasks with classes for a T5.*STS-B"):
        run(tasks="STS-B")


def test_classes_with_the_same_pieces_are_refused_before_a_weight_is_read(tmp_path, run):
    (tmp_path / "t5" / "model.safetensors").unlink()
    (tmp_path / "rows.jsonl").write_text('{"text": "a film", "label": "kino"}\n' * 2)
    task = tmp_path / "films.yaml"
    task.write_text(
        "train: rows.jsonl\ndev: rows.jsonl\ntext_columns: text\nlabels: [kino, film, theatre]\n"
    )
    words = ["--checkpoint", tmp_path / "t5", "--task_file", task, "--output", tmp_path / "out"]
    # Neither is in the vocabulary: both are one unknown piece.
    with pytest.raises(ValueError, match=r"films: .*received 'kino' and 'theatre', which have"):
        prompt.main([str(word) for word in words])


def test_a_t5_drops_nothing(run):
    with pytest.raises(ValueError, match=r"--dropout: expected 0 with a T5, .* received 0.5"):
        run("--dropout", 0.5)


def test_a_tokenizer_of_another_model_is_refused(run, tmp_path):
    words = [*WORDS, "more", "than", "fit", "in"]  # 13 with the three special pieces
    (tmp_path / "t5" / "spiece.model").write_bytes(sentencepiece_model(words))
    expected = (
        r"spiece.model: expected at most 12 entries, the vocab_size of .*config.json, rec.*13"
    )
    with pytest.raises(ValueError, match=expected):
        run()


def test_weights_are_hashed_one_at_a_time_and_not_copied_first(run, tmp_path, monkeypatch):
    monkeypatch.setattr(frozen_t5, "weights_hash", lambda weights: iter(weights) is weights)
    assert frozen_t5.load_frozen_t5(tmp_path / "t5").weights_hash is True


def test_a_t5_is_no_encoder_of_vectors_and_no_shared_bert(run, tmp_path, monkeypatch):
    monkeypatch.setattr(classifier_training, "train", lambda *_, **__: 1)
    assert run() == 0
    folder = tmp_path / "out" / "prompts" / "SST-2-seed0"
    with pytest.raises(ValueError, match="encode expects a BERT"):
        load_pretrained(folder).encode(["a film"])
    with pytest.raises(ValueError, match="prompts of a BERT, received films of a T5"):
        SharedPrompts({"films": str(folder)})
