"""The tasks of a recipe with their data: text and images that the user gives, copies made here."""

from __future__ import annotations

import bz2
import collections
import glob
import gzip
import hashlib
import json
import lzma
import os
import pathlib
import re
from collections.abc import Mapping

import numpy as np

from data_prep.wordpiece import WordpieceTokenizer, learn_vocabulary
from pipeline.benchmarks.race_tasks import load_digits, load_fashion_mnist
from pipeline.meta_training.classifiers import classifier_task
from pipeline.meta_training.masked_lm import copy_tokens, masked_lm_task
from pipeline.meta_training.prompt_tuning import prompt_task
from pipeline.meta_training.recipe_file import Recipe
from pipeline.meta_training.settings import IMAGE_KINDS, TaskSettings
from pipeline.meta_training.task import Task

TEXT_BYTES = 4_000_000
MAX_IMAGES = 20_000
_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
# Enough like BERT's words for counts: runs of letters or digits, and every other mark by itself.
_WORD = re.compile(rb"[a-z]+|[0-9]+|[^a-z0-9\s]")


def load_tasks(
    recipe: Recipe, *, text: str | None, fashion_mnist: str | None, folder: str
) -> list[Task]:
    """Returns the tasks of a recipe, in its order.

    Args:
        recipe: tasks and seed.
        text: pattern of files of plain text, also .gz, .bz2, .xz; needed by tasks on text.
        fashion_mnist: folder of its files; scikit-learn's digits without.
        folder: where vocabularies, frozen encoders and `data.json`, the hash of what was read, are
            written.

    Raises:
        ValueError: a task needs text and none is given, or it is too short, or the folder was begun
            with other data.
        FileNotFoundError: no file matches, or one of Fashion-MNIST is missing.
    """
    if recipe.needs("text") and text is None:
        raise ValueError(
            f"recipe '{recipe.name}' has tasks on text. Give --text 'GLOB', files of plain text."
        )
    content = read_text(text) if recipe.needs("text") else b""
    images = labels = None
    if any(recipe.needs(kind) for kind in IMAGE_KINDS):
        (images, labels), _ = load_fashion_mnist(fashion_mnist) if fashion_mnist else load_digits()
    _check_same(folder, {"text": content, "images": b"" if images is None else images.tobytes()})
    tasks = []
    for name, settings in recipe.tasks.items():
        if settings.kind in IMAGE_KINDS:
            task = classifier_task(name, settings, images[:MAX_IMAGES], labels[:MAX_IMAGES])
        elif settings.kind == "text":
            task = masked_lm_task(name, settings, text_tokens(content, settings, folder))
        elif settings.kind == "prompt":
            task = prompt_task(name, settings, seed=recipe.seed, folder=folder)
        else:
            task = masked_lm_task(name, settings, copy_tokens(settings, recipe.seed))
        tasks.append(task)
    return tasks


def _check_same(folder: str, data: Mapping[str, bytes]) -> None:
    """Keeps hashes of what was read; a folder goes on with nothing else."""
    path = pathlib.Path(folder, "data.json")
    hashes = {
        name: hashlib.sha256(content).hexdigest() for name, content in data.items() if content
    }
    if path.exists() and (before := json.loads(path.read_text(encoding="utf-8"))) != hashes:
        changed = sorted(name for name in data if before.get(name) != hashes.get(name))
        raise ValueError(
            f"{folder} was begun with other {' and '.join(changed)}. Give it the same --text and "
            "--fashion_mnist as before, or use another --output."
        )
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def read_text(pattern: str) -> bytes:
    """Returns 4 MB of text: an equal share of the beginning of every file that matches.

    Raises:
        FileNotFoundError: nothing matches.
    """
    paths = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
    if not paths:
        raise FileNotFoundError(f"--text {pattern}: no such file. Give files of plain text.")
    share = -(-TEXT_BYTES // len(paths))
    parts = []
    for path in paths:
        with _OPENERS.get(pathlib.Path(path).suffix, open)(path, "rb") as stream:
            parts.append(stream.read(share))
    return b"\n".join(parts)


def text_tokens(content: bytes, settings: TaskSettings, folder: str) -> np.ndarray:
    """Cuts text into pieces of a vocabulary learned from it, and these into sequences.

    Args:
        content: UTF-8.
        settings: `vocab_size` with the mask; `seq_len`.
        folder: gets `vocab_SIZE.txt`.

    Returns:
        int32 `[num_sequences, seq_len]`, below `vocab_size - 1`.

    Raises:
        ValueError: the text does not fill 100 sequences, or has more characters than `vocab_size`.
    """
    path = os.path.join(folder, f"vocab_{settings.vocab_size}.txt")
    counts = collections.Counter(_WORD.findall(content.lower()))
    words = {word.decode("utf-8", "ignore"): count for word, count in counts.items()}
    # ASCII alone: a byte of another character is no word, and [UNK] stands for it.
    words = {word: count for word, count in words.items() if word.isascii() and word}
    # One place is left for the mask of the task, which is its last token.
    vocabulary = learn_vocabulary(words, settings.vocab_size - 1)
    pathlib.Path(path).write_text("".join(f"{piece}\n" for piece in vocabulary), encoding="utf-8")
    ids, _ = WordpieceTokenizer(path).tokenize(content.splitlines())
    count = len(ids) // settings.seq_len
    if count < 100:
        raise ValueError(
            f"--text holds {len(ids):,} tokens, too few for 100 sequences of {settings.seq_len}. "
            "Give more text."
        )
    return ids[: count * settings.seq_len].reshape(count, settings.seq_len)
