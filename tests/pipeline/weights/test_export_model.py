"""What leaves: runs as well as model folders, with a card, whole or not at all."""

import pytest
from safetensors.numpy import load_file

from pipeline import cli
from pipeline.weights.export import export_model as module
from pipeline.weights.export.export_model import export_model
from pipeline.weights.serving import saved_model


def test_a_run_leaves_with_its_heads_and_a_card(pretrained_run, tmp_path, capsys):
    flags = ["--checkpoint", str(pretrained_run), "--output", str(tmp_path / "out")]
    assert cli.main(["export", *flags, "--format", "huggingface"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"export: pretrainer as huggingface -> {tmp_path / 'out'}"
    bias = load_file(tmp_path / "out" / "model.safetensors")["cls.predictions.bias"]
    assert bias.tolist() == [50.0 * (i == 6) for i in range(10)]  # the decoder prefers "cat"
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Mnemosyne-BERT run run, step 1. Exported by" in card
    assert 'model = AutoModelForMaskedLM.from_pretrained(".")' in card
    assert "| longest sequence | 12 positions, 8 of them trained |" in card
    assert "| activation | GELU, tanh form |" in card


def test_a_classifier_leaves_with_its_labels_and_metrics_on_the_card(saved, tmp_path):
    export_model(saved("classifier", metrics={"accuracy": 0.9}), tmp_path / "out", "google")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "# BERT classifier for moods" in card
    assert "| labels | sad, glad, mad |" in card and "| accuracy | 0.9 |" in card
    assert "Its origin is not recorded. Exported by" in card


def test_the_card_for_hugging_face_loads_the_head_and_reads_pairs(saved, tmp_path):
    pairs = saved("classifier", sentence_columns=("one", "other"))
    export_model(pairs, tmp_path / "out", "huggingface")
    card = (tmp_path / "out" / "README.md").read_text()
    assert 'model = AutoModelForSequenceClassification.from_pretrained(".")' in card
    assert 'model(**tokenizer("a sentence", "another", return_tensors="pt"))' in card


@pytest.mark.parametrize("columns", [("text",), ("one", "other"), ()])
def test_the_card_of_a_served_classifier_calls_it_with_what_it_takes(
    saved, tmp_path, monkeypatch, columns
):
    monkeypatch.setattr(saved_model, "write_saved_model", lambda *_: ())
    export_model(saved("classifier", sentence_columns=columns), tmp_path / "out", "savedmodel")
    card = (tmp_path / "out" / "README.md").read_text()
    assert ('(text=tf.constant(["a sentence"]))' in card) == (len(columns) != 2)
    assert ('pair=tf.constant(["another"])' in card) == (len(columns) != 1)
    assert ('signatures["pairs"]' in card) == (not columns)


def test_what_goes_wrong_leaves_nothing_behind(saved, tmp_path, monkeypatch):
    def fails(*_):
        raise OSError("No space left on device")

    folder = saved("encoder")
    monkeypatch.setattr(module, "write_model_card", fails)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="No space left"):
        export_model(folder, tmp_path / "out", "huggingface")
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_in_use_and_an_unknown_format_are_refused(saved, tmp_path):
    folder = saved("encoder")
    with pytest.raises(ValueError, match="expected a new or empty folder"):
        export_model(folder, folder, "huggingface")
    with pytest.raises(ValueError, match="--format: expected one of huggingface, .* received pt"):
        export_model(folder, tmp_path / "out", "pt")


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a pre-training run folder"):
        export_model(tmp_path, tmp_path / "out", "google")
