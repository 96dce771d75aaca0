"""The tasks as a table to read: what each is, how it is scored, and its defaults."""

from __future__ import annotations

from tabulate import tabulate

from pipeline.glue.settings import DEFAULT_LEARNING_RATES, FineTuningSettings
from pipeline.glue.task import GlueTask
from pipeline.glue.tasks import AX, TASKS

_HEADS = ("task", "text", "labels", "score", "epochs", "from MNLI", "files")


def task_table() -> str:
    """The tasks of GLUE, one line each, and the settings that are the same for all."""
    rows = [
        (
            task.name,
            " + ".join(task.text_columns),
            ", ".join(task.labels) or "{:g} to {:g}".format(*task.score_range),
            task.metric_label,
            f"{task.num_train_epochs:g}",
            "yes" if task.starts_from_mnli else "",
            _files(task),
        )
        for task in TASKS
    ]
    ax = (AX.name, "premise + hypothesis", "as MNLI", AX.metric_label, "", "", _files(AX))
    settings = FineTuningSettings()
    rates = ", ".join(f"{rate:g} of {name}" for name, rate in DEFAULT_LEARNING_RATES.items())
    return "\n".join(
        [
            tabulate([*rows, ax], _HEADS, disable_numparse=True),
            "",
            "Files end in .tsv and are in the folder TASK of --glue_dir. MRPC is also read from "
            "Microsoft's own files. AX is",
            "in the folder AX or diagnostic; it has no training data, the model of MNLI answers "
            "it. A score with two parts is",
            "their mean.",
            f"For every task: --batch_size {settings.batch_size}, --learning_rate {rates}, "
            f"--dropout {settings.dropout:g}.",
            "--from_mnli starts the tasks marked so from the encoder fine-tuned on MNLI.",
        ]
    )


def _files(task: GlueTask) -> str:
    train = [] if task is AX else ["train.tsv"]
    files = [*train, *(name for _, name in (*task.dev_files, *task.test_files))]
    return ", ".join(name.removesuffix(".tsv") for name in files)
