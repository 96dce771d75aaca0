"""`mnemosyne glue` on a checkpoint, and on the one that further pre-training left."""

import json

import pytest
import tensorflow as tf

from models import BertConfig, BertPretrainer
from pipeline.commands import glue

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "a"]


@pytest.fixture(name="model")
def fixture_model():
    model = BertPretrainer(
        BertConfig(
            vocab_size=len(VOCAB),
            hidden_dim=8,
            num_layers=1,
            num_heads=2,
            intermediate_dim=8,
            max_position_embeddings=8,
        )
    )
    names = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
    model({name: tf.ones([1, 4], tf.int32) for name in names})
    return model


def save(model, run, step):
    """Leaves the run folder that pre-training of so many steps leaves."""
    run.mkdir(exist_ok=True)
    model.config.save(run / "bert_config.json")
    (run / "vocab.txt").write_text("\n".join(VOCAB) + "\n")
    checkpoint = tf.train.Checkpoint(model=model)
    manager = tf.train.CheckpointManager(checkpoint, str(run / "checkpoints"), max_to_keep=2)
    manager.save(checkpoint_number=step)


def test_scores_are_of_the_step_of_the_checkpoint_and_stay_so(tmp_path, model, capsys):
    (tmp_path / "glue" / "SST-2").mkdir(parents=True)
    for split in ("train", "dev"):
        content = "sentence\tlabel\n" + "a good film\t1\na bad film\t0\n" * 4
        (tmp_path / "glue" / "SST-2" / f"{split}.tsv").write_text(content)
    run, output = tmp_path / "run", tmp_path / "out"
    flags = [f"--checkpoint={run}", f"--glue_dir={tmp_path / 'glue'}", f"--output={output}"]
    flags += ["--batch_size=8", "--num_train_epochs=1"]

    save(model, run, step=400)
    assert glue.main(flags) == 0
    title = f"GLUE, dev sets: encoder of {run} at step 400"
    assert capsys.readouterr().out.splitlines().count(title) == 2  # above the table too
    saved = (output / "results.json").read_bytes()
    assert json.loads(saved)["encoder_step"] == 400
    assert "encoder_step" not in json.loads(saved)["settings"]

    model.encoder.set_weights([weights + 0.5 for weights in model.encoder.get_weights()])
    save(model, run, step=800)
    with pytest.raises(ValueError, match="trained further since, from step 400 to 800; use an"):
        glue.main(flags)
    assert (output / "results.json").read_bytes() == saved
