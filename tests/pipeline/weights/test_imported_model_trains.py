"""An imported BERT is trained on: pre-training continues from it, and GLUE fine-tunes it."""

import json
import pathlib
import re
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

from data_prep import storage
from pipeline import cli
from pipeline.pretrain import pretrain
from pipeline.weights.import_model import import_model

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "good", "bad", "film", "a", *(f"w{i}" for i in range(41))]


@pytest.fixture(name="records")
def fixture_records(tmp_path, records_dir):
    """The little records with a vocabulary that has its special tokens."""
    folder = tmp_path / "records"
    shutil.copytree(records_dir, folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["vocab"]["sha256"] = storage.sha256(str(folder / "vocab.txt"))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(name="model")
def fixture_model(tmp_path, hugging_face):
    """The model folder of an imported masked-LM of the sizes of `tiny_recipe`."""
    shapes = hugging_face.SHAPES["BertForMaskedLM"]
    rng = np.random.default_rng(0)
    resized = {
        name: tuple({15: 50, 12: 512}.get(size, size) for size in shape)
        for name, shape in shapes.items()
    }
    tensors = {name: rng.normal(size=shape).astype("f") * 0.1 for name, shape in resized.items()}
    sizes = {"vocab_size": 50, "max_position_embeddings": 512}
    hugging_face.write_folder(tmp_path / "theirs", "BertForMaskedLM", tensors, **sizes)
    (tmp_path / "theirs" / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    import_model(tmp_path / "theirs", tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.slow
def test_pre_training_continues_from_an_imported_model(
    records, model, tmp_path, tiny_recipe, capsys
):
    begins = f"train.initial_run={model}"
    with pytest.raises(ValueError, match="hidden_act: gelu -> gelu_new.*model.hidden_act=gelu "):
        pretrain(tiny_recipe(begins), data_dir=str(records), output_dir=str(tmp_path / "run"))
    still = ("model.hidden_act=gelu", "optimizer.learning_rate=1e-30", "train.num_train_steps=1")
    pretrain(tiny_recipe(begins, *still), data_dir=str(records), output_dir=str(tmp_path / "run"))
    assert "has no weights of encoder/pooler, next_sentence_head" in capsys.readouterr().out
    # After one step at a rate of nearly 0 the weights are those that were imported.
    flags = ["--checkpoint", str(tmp_path / "run"), "--output", str(tmp_path / "exported")]
    assert cli.main(["export", *flags, "--format", "huggingface"]) == 0
    exported = load_file(tmp_path / "exported" / "model.safetensors")
    imported = load_file(tmp_path / "theirs" / "model.safetensors")
    for name, array in imported.items():
        np.testing.assert_allclose(exported[name], array, atol=1e-20, err_msg=name)
    card = (tmp_path / "exported" / "README.md").read_text()
    assert re.search(r"\| Optimizer \| adamw \|\n\| Steps \| 1 \|", card)


def test_glue_fine_tunes_an_imported_model(model, tmp_path, capsys):
    task = tmp_path / "glue" / "SST-2"
    task.mkdir(parents=True)
    for split in ("train", "dev"):
        content = "sentence\tlabel\n" + "a good film\t1\na bad film\t0\n" * 4
        (task / f"{split}.tsv").write_text(content)
    flags = [f"--checkpoint={model}", f"--glue_dir={task.parent}", f"--output={tmp_path / 'out'}"]
    assert cli.main(["glue", *flags, "--batch_size=8", "--num_train_epochs=1"]) == 0
    lines = capsys.readouterr().out
    assert f"{pathlib.Path(model)} has no weights of encoder/pooler: they begin at random" in lines
    assert json.loads((tmp_path / "out" / "results.json").read_text())["encoder_step"] is None
