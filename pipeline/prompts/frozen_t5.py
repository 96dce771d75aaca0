"""A T5 folder to what prompts are trained on, and the model of a task."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from models.t5 import T5
from models.t5.prompted_classifier import PromptedT5Classifier
from pipeline.glue.files.examples import Examples
from pipeline.glue.initial_weights import weights_hash
from pipeline.glue.task import GlueTask
from pipeline.prompts.class_words import class_words
from pipeline.prompts.initial_prompt import initial_prompt
from pipeline.prompts.settings import PromptSettings
from pipeline.weights.t5.folder import CONFIG, load_t5, read_t5_folder
from pipeline.weights.t5.tokenizer import SentencepieceTokenizer, read_t5_tokenizer

DEFAULT_LENGTH = 128  # tokens; a T5 knows distances, and no longest text


@dataclasses.dataclass(frozen=True)
class FrozenT5:
    """The model that every task shares; what `InitialEncoder` is of a BERT.

    Attributes:
      model: With its weights.
      tokenizer: Of the folder.
      weights_hash: Of the weights.
      step: None: of pre-training nothing is known.
      is_random: False: the weights are those of the folder.
    """

    model: T5
    tokenizer: SentencepieceTokenizer
    weights_hash: str
    step: None = None
    is_random: bool = False


def load_frozen_t5(folder: str | os.PathLike) -> FrozenT5:
    """Reads a T5 with its tokenizer, see `read_t5_folder` and `read_t5_tokenizer`.

    Raises:
      FileNotFoundError: A file is missing.
      ValueError: A file is damaged, or the tokenizer gives ids that the model has no vector for.
    """
    tokenizer, stored = read_t5_tokenizer(folder), read_t5_folder(folder)
    if tokenizer.num_ids > stored.config.vocab_size:
        raise ValueError(
            f"{tokenizer.vocab_file}: expected at most {stored.config.vocab_size:,} entries, the "
            f"vocab_size of {stored.path / CONFIG}, received {tokenizer.num_ids:,}; one of the two "
            "is of another model"
        )
    model = load_t5(stored)
    return FrozenT5(model, tokenizer, weights_hash(each.numpy() for each in model.variables))


def check_t5(
    folder: str | os.PathLike, tasks: Sequence[GlueTask], settings: PromptSettings
) -> None:
    """Checks before any weight is read that a T5 can do what it is to do.

    Args:
      folder: Of the T5.
      tasks: Which.
      settings: Of every task.

    Raises:
      FileNotFoundError: It has no tokenizer.
      ValueError: A task is a regression, two of its classes have the same pieces, or something is
        to be dropped.
    """
    if settings.dropout:
        raise ValueError(
            "--dropout: expected 0 with a T5, which has no dropout here, received "
            f"{settings.dropout:g}; leave the flag out"
        )
    if scores := [task.name for task in tasks if task.is_regression]:
        raise ValueError(
            "--tasks: expected tasks with classes for a T5, which answers with their words, "
            f"received {', '.join(scores)}, whose answers are scores"
        )
    tokenizer = read_t5_tokenizer(folder)
    for task in tasks:
        try:
            answer_ids(tokenizer, class_words(task))
        except ValueError as error:
            raise ValueError(f"{task.name}: {error}") from error


def build_t5_model(
    task: GlueTask, train: Examples, start: FrozenT5, settings: PromptSettings
) -> PromptedT5Classifier:
    """The model that is trained: its prompt begins as the settings say.

    Args:
      task: Which; with classes.
      train: Its training examples.
      start: The T5.
      settings: With the seed.
    """
    words = class_words(task)
    model = PromptedT5Classifier(
        start.model, answer_ids(start.tokenizer, words), settings.prompt_length
    )
    prompt = initial_prompt(
        settings.prompt_init,
        settings.prompt_length,
        start.model.word_embeddings.numpy(),
        start.tokenizer,
        texts=train.texts,
        class_words=words,
        seed=settings.seed,
    )
    model.prompt.assign(prompt)
    return model


def answer_ids(tokenizer: SentencepieceTokenizer, words: Sequence[str]) -> np.ndarray:
    """int32 `[num_classes, answer_len]`: the pieces of each text, the end, then padding.

    Raises:
      ValueError: Two texts have the same pieces: the second would never be an answer.
    """
    ids, lengths = tokenizer.tokenize(list(words))
    answers = np.zeros([len(words), int(max(lengths)) + 1], np.int32)
    text_of: dict[bytes, str] = {}
    for row, pieces, text in zip(
        answers, np.split(ids, np.cumsum(lengths)[:-1]), words, strict=True
    ):
        row[: len(pieces) + 1] = [*pieces, tokenizer.sep_id]
        if (same := text_of.setdefault(row.tobytes(), text)) is not text:
            raise ValueError(
                f"expected words of its own for each class, received {same!r} and {text!r}, which "
                f"have the same pieces in {tokenizer.vocab_file}; give the classes other labels"
            )
    return answers
