"""A very small encoder and little task folders, for tests that go from flags to files."""

import functools
import json

import numpy as np

from models import BertConfig
from models.bert_encoder import BertEncoder
from pipeline.commands import glue as command
from pipeline.glue import classifier_training
from pipeline.glue.tasks import AX, TASKS
from pipeline.masked_words import features_of
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.model_folder import save_model_folder

BY_NAME = {task.name: task for task in TASKS}
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "a", "same", "other"]


def make_run(folder):
    """A folder with sizes and vocabulary, for random weights."""
    folder.mkdir()
    BertConfig(
        vocab_size=len(VOCAB),
        hidden_dim=16,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        max_position_embeddings=16,
        dropout=0.0,
        attention_dropout=0.0,
    ).save(folder / "bert_config.json")
    (folder / "vocab.txt").write_text("\n".join(VOCAB) + "\n")
    return folder


def make_model(folder):
    """A model folder: an encoder of width 16 with a vocabulary of films."""
    run = make_run(folder.with_name("sizes"))
    encoder = BertEncoder(BertConfig.load(run / "bert_config.json"), name="encoder")
    encoder(features_of(np.ones([1, 2], np.int32), np.zeros([1, 1], np.int32)))
    for variable in encoder.variables:
        if variable.shape.rank > 1:  # so that words differ at a prompt, as after training
            variable.assign(15.0 * variable)
    save_model_folder(
        folder,
        encoder,
        ModelDescription("encoder", max_seq_length=16, trained_positions=16),
        vocab_file=str(run / "vocab.txt"),
        do_lower_case=True,
    )
    return folder


def write_rows(path, columns, rows, *, header=True):
    """Rows are dicts of the columns that matter."""
    path.parent.mkdir(exist_ok=True, parents=True)
    lines = ["\t".join(columns)] if header else []
    lines += ["\t".join(row.get(column, "-") for column in columns) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def make_task(glue, name, *, train=24, dev=6, test=4):
    """A folder of a task, with the files and columns that the benchmark has."""
    task = BY_NAME[name]
    labels = task.labels or ("5.0", "0.5")
    texts = ("a good film", "a bad film")

    def rows(count):
        return [
            {column: texts[i % 2] for column in task.text_columns}
            | {task.label_column: labels[i % 2]}
            for i in range(count)
        ]

    header = task.has_header
    write_rows(glue / name / "train.tsv", task.columns, rows(train), header=header)
    for _, file in task.dev_files:
        columns = task.dev_columns or task.columns
        write_rows(glue / name / file, columns, rows(dev), header=header)
    for _, file in task.test_files:
        write_rows(glue / name / file, task.test_columns, rows(test))


def make_ax(glue):
    """The diagnostic set with and without labels: three examples."""
    rows = [{"Premise": "a good film", "Hypothesis": "a bad film", "Label": "neutral"}] * 3
    write_rows(glue / "diagnostic" / "diagnostic-full.tsv", AX.columns, rows)
    rows = [{"sentence1": "a good film", "sentence2": "a bad film"}] * 3
    write_rows(glue / "diagnostic" / "diagnostic.tsv", AX.test_columns, rows)


def results_of(folder):
    """The content of `results.json`."""
    return json.loads((folder / "results.json").read_text())


def answer_with(monkeypatch, predict):
    """Puts `predict(model, features, *, batch_size) -> logits` in place of a model's graph."""
    monkeypatch.setattr(
        classifier_training,
        "make_predict",
        lambda model, *, batch_size: functools.partial(predict, model, batch_size=batch_size),
    )


def arguments(folders, *more):
    """Flags of `mnemosyne glue` for the folders `run`, `glue` and `out`, of random weights."""
    flags = {
        "checkpoint": folders / "run",
        "glue_dir": folders / "glue",
        "output": folders / "out",
        "batch_size": 8,
        "max_seq_length": 8,
        "learning_rate": 0.01,  # three times that ends where rounding decides
    }
    flat = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
    return [*flat, "--random_init", *more]


def glue(folder, *more):
    """Runs `mnemosyne glue` on the folders `run`, `glue` and `out`, of random weights."""
    flags = [f"--checkpoint={folder / 'run'}", f"--glue_dir={folder / 'glue'}"]
    flags += [f"--output={folder / 'out'}", "--batch_size=8", "--max_seq_length=16"]
    return command.main([*flags, "--random_init", *more])


def predict_bias(model, features, *, batch_size):
    """What a head with a kernel of zeros gives."""
    return np.tile(model.head.get_weights()[1], [len(features["input_ids"]), 1])
