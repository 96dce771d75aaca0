"""Official GLUE files to examples: the folder of a task to a `TaskData`.

`pipeline.glue.files.tsv` states how one file is read. The digest of a task is over the files that
its score depends on: train and dev, not test.
"""

from __future__ import annotations

import hashlib
import os

import numpy as np

from pipeline.glue.files import microsoft_paraphrases, tsv
from pipeline.glue.files.examples import Examples, Reject, TaskData, Texts
from pipeline.glue.files.tsv import read_tsv
from pipeline.glue.task import MAX_SCORE, GlueTask
from pipeline.glue.tasks import AX, AX_FOLDERS, MNLI

__all__ = ["MAX_SCORE", "Examples", "Reject", "TaskData", "Texts", "read_task", "read_tsv"]

DEV_SPLIT_SEED = 2019


def read_task(task: GlueTask, glue_dir: str) -> TaskData:
    """Reads the training, dev and test files of one task.

    Without `train.tsv`, a task whose row allows it (QNLI) is trained on a part
    of `dev.tsv` and scored on the rest; `TaskData.note` then says so. MRPC is then read from
    Microsoft's original files. A missing test file is no error; with MNLI the diagnostic set AX is
    read, from `AX/` or `diagnostic/`.

    Raises:
      FileNotFoundError: If a needed file is missing.
      ValueError: If the header is another one, if more than 1% of the rows of
        a file are bad, or if a file has no rows.
    """
    folder = os.path.join(glue_dir, task.name)
    digest = hashlib.sha256()
    train, dev_sets, rejects, note = _read_labelled(task, folder, digest)
    tests, bad_rows = _read_tests(task, folder)
    rejects += bad_rows
    diagnostic = None
    if task == MNLI and (ax_folder := find_ax(glue_dir)):
        diagnostic, ax_tests, bad_rows = _read_ax(ax_folder)
        tests |= ax_tests
        rejects += bad_rows
    return TaskData(
        train=train,
        dev=dev_sets[0],
        second_dev=dev_sets[1] if len(dev_sets) > 1 else None,
        rejects=tuple(rejects),
        sha256=digest.hexdigest(),
        note=note,
        tests=tests,
        diagnostic=diagnostic,
    )


def find_ax(glue_dir: str) -> str | None:
    """The folder of the diagnostic set, or None."""
    folders = (os.path.join(glue_dir, name) for name in AX_FOLDERS)
    return next((folder for folder in folders if os.path.isdir(folder)), None)


def _read_labelled(
    task: GlueTask, folder: str, digest
) -> tuple[Examples, list[Examples], list[Reject], str]:
    """Training examples, dev sets, bad rows and the note."""
    train_path = os.path.join(folder, "train.tsv")
    has_train = os.path.exists(train_path)
    if not has_train and os.path.exists(os.path.join(folder, microsoft_paraphrases.TRAIN_FILE)):
        train, dev, rejects = microsoft_paraphrases.read_train_and_dev(task, folder, digest)
        return train, [dev], rejects, ""
    split_dev = task.dev_train_fraction > 0 and not has_train
    rejects, dev_sets = [], []
    if not split_dev:
        train, rejects = read_tsv(task, train_path, digest)
    for _, name in task.dev_files:
        path = os.path.join(folder, name)
        examples, bad_rows = read_tsv(task, path, digest, columns=task.dev_columns)
        dev_sets.append(examples)
        rejects += bad_rows
    if not split_dev:
        return train, dev_sets, rejects, ""
    train, dev = _split_by_first_text(dev_sets[0], task.dev_train_fraction)
    if not len(train) or not len(dev):
        raise ValueError(
            f"{path}: expected at least 2 different texts in column {task.text_columns[0]}, to be "
            f"split into training and dev examples, received {len(dev_sets[0])} rows with one; "
            f"{task.remedy}"
        )
    note = (
        f"no train.tsv: trained on {task.dev_train_fraction:.0%} of the first texts of "
        f"dev.tsv (seed {DEV_SPLIT_SEED}), scored on the rest; not comparable with the "
        "official split"
    )
    return train, [dev], rejects, note


def _read_tests(task: GlueTask, folder: str) -> tuple[dict[str, Texts], list[Reject]]:
    """Name in a submission -> texts, of the test files that are there; and their bad rows."""
    tests, rejects = {}, []
    for name, file in task.test_files:
        path = os.path.join(folder, file)
        if os.path.exists(path):
            tests[name], bad_rows = tsv.read_texts(
                task, path, columns=task.test_columns, text_columns=task.text_columns
            )
        elif os.path.exists(os.path.join(folder, microsoft_paraphrases.TEST_FILE)):
            tests[name], bad_rows = microsoft_paraphrases.read_test(task, folder)
        else:
            continue
        rejects += bad_rows
    return tests, rejects


def _read_ax(folder: str) -> tuple[Examples | None, dict[str, Texts], list[Reject]]:
    """AX with labels, if they are there; the texts to predict; and bad rows."""
    [(name, test_file)], [(_, labelled_file)] = AX.test_files, AX.dev_files
    labelled, tests, rejects = None, {}, []
    path = os.path.join(folder, labelled_file)
    if os.path.exists(path):
        labelled, rejects = read_tsv(AX, path)
    path = os.path.join(folder, test_file)
    if os.path.exists(path):
        tests[name], bad_rows = tsv.read_texts(
            AX, path, columns=AX.test_columns, text_columns=MNLI.text_columns
        )
        rejects += bad_rows
    elif labelled and not rejects:
        tests[name] = labelled.texts  # the same examples in the same order
    return labelled, tests, rejects


def _split_by_first_text(examples: Examples, train_fraction: float) -> list[Examples]:
    """Splits so that all rows with the same first text stay on one side.

    The same question comes with a right and with a wrong answer; with rows split at
    random, a model could tell one from the other, seen in training.
    """
    groups = sorted(set(examples.texts[0]))
    order = np.random.RandomState(DEV_SPLIT_SEED).permutation(len(groups))
    in_train = {groups[i] for i in order[: round(train_fraction * len(groups))]}
    sides = ([], [])
    for index, text in enumerate(examples.texts[0]):
        sides[text not in in_train].append(index)
    return [examples.take(side) for side in sides]
