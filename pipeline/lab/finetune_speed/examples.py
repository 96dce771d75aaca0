"""A task's training texts -> one file of arrays that every program reads."""

from __future__ import annotations

import os

import numpy as np

from data_prep.wordpiece import WordpieceTokenizer
from pipeline.glue.encoding import encode_texts
from pipeline.glue.reader import read_task
from pipeline.glue.tasks import select_tasks


def save_examples(
    glue_dir: str, task_name: str, vocab_file: str, *, max_seq_length: int, folder: str
) -> tuple[str, int, int]:
    """Encodes the training examples of a task of classes.

    Args:
        glue_dir: folder with one folder per task.
        task_name: of GLUE.
        vocab_file: of a lower-cased vocabulary.
        max_seq_length: tokens of the longest example.
        folder: where to write.

    Returns:
        The path of an `.npz` with `input_ids`, `input_mask` and `segment_ids`, int32
        `[num_examples, max_seq_length]`, and `labels`, int32 `[num_examples]`; the number of
        classes; the size of the vocabulary.

    Raises:
        ValueError: the task is a regression, which not every program trains.
        FileNotFoundError: a file is missing.
    """
    (task,) = select_tasks(glue_dir, task_name)
    if task.is_regression:
        raise ValueError(f"--tasks: expected tasks of classes, received {task.name}, a regression.")
    tokenizer = WordpieceTokenizer(vocab_file, do_lower_case=True)
    train = read_task(task, glue_dir).train
    arrays = encode_texts(train.texts, tokenizer, max_seq_length)
    path = os.path.join(folder, f"{task.name}.npz")
    np.savez(path, labels=train.labels, **arrays)
    return path, task.num_outputs, len(tokenizer.vocab)


def text_fraction(path: str) -> float:
    """The fraction of the arrays' positions that is no padding."""
    return float(np.load(path)["input_mask"].mean())
