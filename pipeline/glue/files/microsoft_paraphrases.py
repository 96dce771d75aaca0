"""MRPC from Microsoft's original files, which GLUE does not host.

GLUE's dev set is the pairs of `dev_ids.tsv` within `msr_paraphrase_train.txt`, its training set
the others, both in the order of that file; its test set is `msr_paraphrase_test.txt`, whose
labels are left unread.

Source: the download script of GLUE, `format_mrpc`.
"""

from __future__ import annotations

import os

from pipeline.glue.files import tsv
from pipeline.glue.files.examples import Examples, Reject, Texts
from pipeline.glue.task import GlueTask

TRAIN_FILE = "msr_paraphrase_train.txt"
TEST_FILE = "msr_paraphrase_test.txt"
DEV_IDS_FILES = ("dev_ids.tsv", "mrpc_dev_ids.tsv")
_IDS = ("#1 ID", "#2 ID")


def read_train_and_dev(
    task: GlueTask, folder: str, digest
) -> tuple[Examples, Examples, list[Reject]]:
    """Reads both splits and the bad rows.

    Raises:
      FileNotFoundError: If a file is missing.
      ValueError: As `tsv.read_tsv`, or if a pair of the dev set is not in the file.
    """
    path = os.path.join(folder, TRAIN_FILE)
    wanted, ids_path = _dev_pairs(task, folder, digest)
    examples, rejects = tsv.read_tsv(task, path, digest)
    bad = {reject.line for reject in rejects}
    lines = tsv.read_lines(task, path)[1:]
    at = [task.columns.index(name) for name in _IDS]
    pairs = [
        tuple(line.decode("utf-8").split("\t")[i] for i in at)
        for number, line in enumerate(lines, start=2)
        if number not in bad
    ]
    dev = [index for index, pair in enumerate(pairs) if pair in wanted]
    if (missing := set(wanted) - set(pairs)) and not bad:
        pair = min(missing, key=wanted.get)
        raise ValueError(
            f"{ids_path}, line {wanted[pair]}: expected a pair of {path}, received "
            f"{' and '.join(pair)}, which is not there; {task.remedy}"
        )
    in_dev = set(dev)
    train = [index for index in range(len(pairs)) if index not in in_dev]
    return examples.take(train), examples.take(dev), rejects


def read_test(task: GlueTask, folder: str) -> tuple[Texts, list[Reject]]:
    """The texts of the test set; raises as `tsv.read_texts`."""
    return tsv.read_texts(
        task,
        os.path.join(folder, TEST_FILE),
        columns=task.columns,
        text_columns=task.text_columns,
    )


def _dev_pairs(task: GlueTask, folder: str, digest) -> tuple[dict[tuple[str, ...], int], str]:
    """Pair of ids -> line, and the path of their file."""
    names = [name for name in DEV_IDS_FILES if os.path.exists(os.path.join(folder, name))]
    path = os.path.join(folder, (names or DEV_IDS_FILES)[0])
    pairs: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(tsv.read_lines(task, path, digest), start=1):
        pair = tuple(line.decode("utf-8", "backslashreplace").split("\t"))
        if len(pair) != len(_IDS) or not all(part.isdecimal() for part in pair):
            raise ValueError(
                f"{path}, line {number}: expected two tab-separated ids, received "
                f"{' '.join(pair)[:80] or 'an empty line'}; {task.remedy}"
            )
        pairs[pair] = number
    return pairs, path
