"""The GLUE tasks, one row each, and which of them a folder holds.

A row has the layout of a task's files, its labels in the order of their class
numbers, the metrics of its score, and its defaults.

Source: Wang et al. 2019 (GLUE), table 1, and the files of the benchmark; the order of labels is
that of google-research/bert, `run_classifier.py`.
"""

import json
import os
from collections.abc import Sequence

from pipeline.glue.task import GlueTask

# `mnemosyne sample-tasks` writes it into the folder of its tasks.
_ORIGIN_FILE = "sample_tasks.json"
_ENTAILMENT = ("entailment", "not_entailment")
_PAIR = ("index", "sentence1", "sentence2")
_MRPC = ("#1 ID", "#2 ID", "#1 String", "#2 String")
_STSB = ("index", "genre", "filename", "year", "old_index", "source1", "source2")
_STSB_TEXTS = ("sentence1", "sentence2")
_MNLI = (
    "index",
    "promptID",
    "pairID",
    "genre",
    "sentence1_binary_parse",
    "sentence2_binary_parse",
    "sentence1_parse",
    "sentence2_parse",
    "sentence1",
    "sentence2",
)
_SMALL = 5.0  # epochs of tasks with less than 10,000 training examples

TASKS: tuple[GlueTask, ...] = (
    GlueTask(
        name="CoLA",
        columns=("source", "label", "mark", "sentence"),
        test_columns=("index", "sentence"),
        text_columns=("sentence",),
        metrics=("matthews",),
        has_header=False,
        test_files=(("CoLA", "test.tsv"),),
        num_train_epochs=_SMALL,
    ),
    GlueTask(
        name="SST-2",
        columns=("sentence", "label"),
        test_columns=("index", "sentence"),
        text_columns=("sentence",),
        test_files=(("SST-2", "test.tsv"),),
    ),
    GlueTask(
        name="MRPC",
        columns=("Quality", *_MRPC),
        test_columns=("index", *_MRPC),
        text_columns=("#1 String", "#2 String"),
        label_column="Quality",
        metrics=("f1", "accuracy"),
        test_files=(("MRPC", "test.tsv"),),
        num_train_epochs=_SMALL,
        starts_from_mnli=True,
        remedy="the benchmark does not host this task: put Microsoft's msr_paraphrase_train.txt "
        "and msr_paraphrase_test.txt with GLUE's dev_ids.tsv into the folder",
    ),
    GlueTask(
        name="STS-B",
        columns=(*_STSB, *_STSB_TEXTS, "score"),
        test_columns=(*_STSB, *_STSB_TEXTS),
        text_columns=_STSB_TEXTS,
        label_column="score",
        labels=(),
        metrics=("pearson", "spearman"),
        test_files=(("STS-B", "test.tsv"),),
        num_train_epochs=_SMALL,
        starts_from_mnli=True,
    ),
    GlueTask(
        name="QQP",
        columns=("id", "qid1", "qid2", "question1", "question2", "is_duplicate"),
        test_columns=("id", "question1", "question2"),
        text_columns=("question1", "question2"),
        label_column="is_duplicate",
        metrics=("f1", "accuracy"),
        test_files=(("QQP", "test.tsv"),),
    ),
    GlueTask(
        name="MNLI",
        columns=(*_MNLI, "label1", "gold_label"),
        dev_columns=(*_MNLI, "label1", "label2", "label3", "label4", "label5", "gold_label"),
        test_columns=_MNLI,
        text_columns=("sentence1", "sentence2"),
        label_column="gold_label",
        labels=("contradiction", "entailment", "neutral"),
        dev_files=(("m", "dev_matched.tsv"), ("mm", "dev_mismatched.tsv")),
        test_files=(("MNLI-m", "test_matched.tsv"), ("MNLI-mm", "test_mismatched.tsv")),
    ),
    GlueTask(
        name="QNLI",
        columns=("index", "question", "sentence", "label"),
        test_columns=("index", "question", "sentence"),
        text_columns=("question", "sentence"),
        labels=_ENTAILMENT,
        test_files=(("QNLI", "test.tsv"),),
        dev_train_fraction=0.8,
    ),
    GlueTask(
        name="RTE",
        columns=(*_PAIR, "label"),
        test_columns=_PAIR,
        text_columns=("sentence1", "sentence2"),
        labels=_ENTAILMENT,
        test_files=(("RTE", "test.tsv"),),
        num_train_epochs=_SMALL,
        starts_from_mnli=True,
    ),
    GlueTask(
        name="WNLI",
        columns=(*_PAIR, "label"),
        test_columns=_PAIR,
        text_columns=("sentence1", "sentence2"),
        test_files=(("WNLI", "test.tsv"),),
        num_train_epochs=_SMALL,
    ),
)
GLUE_TASKS = tuple(task.name for task in TASKS)
MNLI = next(task for task in TASKS if task.name == "MNLI")

# GLUE's diagnostic set has no training data: the model of MNLI answers it, and it counts in no
# average. `columns` is that of `diagnostic-full.tsv`, the file with labels.
AX = GlueTask(
    name="AX",
    columns=(
        "Lexical Semantics",
        "Predicate-Argument Structure",
        "Logic",
        "Knowledge",
        "Domain",
        "Premise",
        "Hypothesis",
        "Label",
    ),
    test_columns=_PAIR,
    text_columns=("Premise", "Hypothesis"),
    label_column="Label",
    labels=MNLI.labels,
    metrics=("matthews",),
    dev_files=(("", "diagnostic-full.tsv"),),
    test_files=(("AX", "diagnostic.tsv"),),
)
AX_FOLDERS = ("AX", "diagnostic")


def holds_sample_tasks(glue_dir: str) -> bool:
    """Whether the tasks of a folder only have the layout of GLUE's: `sample_tasks.json` says so."""
    path = os.path.join(glue_dir, _ORIGIN_FILE)
    if not os.path.isfile(path):
        return False
    with open(path, encoding="utf-8") as file:
        try:
            is_glue = json.load(file)["is_glue"]
        except (ValueError, KeyError, TypeError, RecursionError):
            is_glue = None
    if not isinstance(is_glue, bool):
        raise ValueError(
            f'{path}: expected JSON with "is_glue": true or false, as `mnemosyne sample-tasks` '
            "writes it, received something else; write it anew, or delete it"
        )
    return not is_glue


def select_tasks(glue_dir: str, names: str) -> tuple[GlueTask, ...]:
    """Returns the tasks to run, in the order of `TASKS`.

    Args:
      glue_dir: Folder with one sub-folder per task.
      names: "all" for every task that has a folder, or task names joined by
        commas; upper and lower case are the same. AX belongs to MNLI: it is answered
        by that task's model wherever its folder is there.

    Raises:
      FileNotFoundError: If `glue_dir`, or the folder of a named task, is
        missing, or if "all" finds no task.
      ValueError: If a name is not a task, or AX is named without MNLI.
    """
    if not os.path.isdir(glue_dir):
        raise FileNotFoundError(
            f"--glue_dir {glue_dir}: expected a folder with one sub-folder per task, received "
            "a path where there is none; give the folder that holds CoLA, SST-2 and so on"
        )
    if names.strip().lower() == "all":
        return _present_tasks(glue_dir)
    chosen = _named_tasks(names.split(","))
    for task in chosen:
        if not os.path.isdir(os.path.join(glue_dir, task.name)):
            raise FileNotFoundError(
                f"{os.path.join(glue_dir, task.name)}: folder of task {task.name} is missing; "
                f"{task.remedy}, or leave the task out of --tasks"
            )
    return chosen


def _present_tasks(glue_dir: str) -> tuple[GlueTask, ...]:
    present = tuple(t for t in TASKS if os.path.isdir(os.path.join(glue_dir, t.name)))
    if not present:
        raise FileNotFoundError(
            f"--glue_dir {glue_dir}: expected at least one folder named "
            f"{', '.join(t.name for t in TASKS)}, received "
            f"{', '.join(sorted(os.listdir(glue_dir))[:8]) or 'an empty folder'}; "
            "give the folder that holds the task folders"
        )
    return present


def _named_tasks(names: Sequence[str]) -> tuple[GlueTask, ...]:
    known = [task.name.lower() for task in TASKS]
    given = [name.strip().lower() for name in names if name.strip()]
    wanted = [name for name in given if name != AX.name.lower()]
    if given and MNLI.name.lower() not in wanted and len(wanted) < len(given):
        raise ValueError(
            "--tasks: expected MNLI with AX, which has no training data: the model of MNLI answers "
            f"it; received {', '.join(names)}"
        )
    unknown = [name.strip() for name in names if name.strip().lower() in {*wanted} - {*known}]
    if unknown or not wanted:
        raise ValueError(
            f"--tasks: expected all or some of {', '.join((*GLUE_TASKS, AX.name))}, "
            f"received {', '.join(unknown) or 'nothing'}"
        )
    return tuple(task for task in TASKS if task.name.lower() in wanted)
