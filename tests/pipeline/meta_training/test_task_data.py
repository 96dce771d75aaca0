import gzip
import lzma

import numpy as np
import pytest

from pipeline.meta_training import prompt_tuning, task_data
from pipeline.meta_training.settings import MetaRecipe, TaskSettings

TEXT = b"It was the best of times, it was the worst of times.\n" * 200
LITTLE = TaskSettings(kind="text", vocab_size=64, seq_len=8)


def test_files_give_equal_shares_whatever_their_packing(tmp_path, monkeypatch):
    monkeypatch.setattr(task_data, "TEXT_BYTES", 30)
    (tmp_path / "a.txt").write_bytes(b"a" * 20)
    (tmp_path / "b.txt.xz").write_bytes(lzma.compress(b"b" * 20))
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(b"c" * 5))
    assert task_data.read_text(str(tmp_path / "*")) == b"a" * 10 + b"\n" + b"b" * 10 + b"\nccccc"


def test_text_becomes_sequences_below_the_mask(tmp_path):
    tokens = task_data.text_tokens(TEXT, LITTLE, str(tmp_path))
    vocabulary = (tmp_path / "vocab_64.txt").read_text().splitlines()
    assert len(vocabulary) <= 63 and tokens.max() < len(vocabulary)
    assert tokens.dtype == np.int32 and tokens.shape[1] == 8
    first = [vocabulary[i] for i in tokens.ravel()[:3]]
    assert first == ["it", "was", "the"]
    assert "[UNK]" not in {vocabulary[i] for i in tokens.ravel()}


def test_too_little_text_says_so(tmp_path):
    with pytest.raises(ValueError, match="too few for 100 sequences of 8"):
        task_data.text_tokens(TEXT[:500], LITTLE, str(tmp_path))


def test_every_kind_gets_its_data(tmp_path, monkeypatch):
    monkeypatch.setattr(prompt_tuning, "_pretrain", lambda *_: {})
    (tmp_path / "text").write_bytes(TEXT)
    kinds = {
        name: TaskSettings(kind=name, seq_len=8, vocab_size=64)
        for name in ("copy", "text", "prompt")
    }
    images = {name: TaskSettings(kind=name) for name in ("mlp", "vit")}
    recipe = MetaRecipe(tasks={**kinds, **images})
    tasks = task_data.load_tasks(
        recipe, text=str(tmp_path / "te*"), fashion_mnist=None, folder=str(tmp_path)
    )
    assert [task.name for task in tasks] == ["copy", "text", "prompt", "mlp", "vit"]
    assert [task.train[0].shape[1:] for task in tasks] == [(8,), (8,), (8,), (64,), (16, 4)]
    batch = tasks[4].train_batch(tasks[4].train, np.array([0, 1], np.int32))
    assert batch[0].shape == (32, 16, 4) and batch[1].shape == (32,)


def test_missing_text_says_which_flag(tmp_path):
    recipe = MetaRecipe(tasks_per_step=1, tasks={"a": LITTLE})
    with pytest.raises(ValueError, match="Give --text"):
        task_data.load_tasks(recipe, text=None, fashion_mnist=None, folder=str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no such file"):
        task_data.load_tasks(
            recipe, text=str(tmp_path / "none*"), fashion_mnist=None, folder=str(tmp_path)
        )


def test_a_folder_goes_on_with_the_same_data_alone(tmp_path):
    recipe = MetaRecipe(tasks={"text": LITTLE}, members=2, members_at_once=2, tasks_per_step=1)
    (tmp_path / "a").write_bytes(TEXT)
    (tmp_path / "b").write_bytes(TEXT.upper())

    def load(name):
        return task_data.load_tasks(
            recipe, text=str(tmp_path / name), fashion_mnist=None, folder=str(tmp_path)
        )

    load("a")
    load("a")
    with pytest.raises(ValueError, match="begun with other text. Give it the same --text"):
        load("b")
