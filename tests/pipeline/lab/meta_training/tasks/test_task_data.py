import numpy as np
import pytest

from pipeline.lab.meta_training.settings import MetaRecipe, TaskSettings
from pipeline.lab.meta_training.tasks import prompt_tuning, task_data

TEXT = b"It was the best of times, it was the worst of times.\n" * 20
LITTLE = TaskSettings(kind="text", vocab_size=64, seq_len=8)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Pattern of 40 documents, of a little over 200 records of 8 tokens."""
    folder = tmp_path_factory.mktemp("text")
    for number in range(40):
        (folder / f"{number}.txt").write_bytes(TEXT + b"%d\n" % number)
    return f"{folder}/*::file"


def test_text_becomes_records_whose_words_are_those_of_the_text(text, tmp_path):
    tokens, mask, positions, labels = task_data.text_rows(
        text, str(tmp_path), vocab_size=64, seq_len=8
    )
    (path,) = tmp_path.glob("*.vocab.txt")
    vocabulary = path.read_text().splitlines()
    assert tokens.shape == mask.shape == (len(labels), 8)
    assert positions.shape == labels.shape == (len(labels), 1)  # 0.15 * 8 rounded
    assert {vocabulary[token] for token in tokens[:, 0]} == {"[CLS]"}
    assert tokens.max() < len(vocabulary) <= 64 and mask.min() == 0
    np.testing.assert_array_equal(tokens[mask == 0], 0)
    words = {vocabulary[label] for label in labels.ravel()}
    assert {"it", "was", "best", "worst", "times"} < words and "[UNK]" not in words


def test_too_little_text_says_so(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(TEXT[:500])
    with pytest.raises(ValueError, match="records of 8 tokens are too few"):
        task_data.text_rows(f"{tmp_path}/[ab]::file", str(tmp_path), vocab_size=64, seq_len=8)


def test_every_kind_gets_its_data(text, tmp_path, monkeypatch):
    monkeypatch.setattr(prompt_tuning, "_pretrain", lambda *_: {})
    kinds = {
        name: TaskSettings(kind=name, seq_len=8, vocab_size=64)
        for name in ("copy", "text", "prompt")
    }
    images = {name: TaskSettings(kind=name) for name in ("mlp", "vit")}
    recipe = MetaRecipe(tasks={**kinds, **images})
    tasks = task_data.load_tasks(recipe, text=text, fashion_mnist=None, folder=str(tmp_path))
    assert [task.name for task in tasks] == ["copy", "text", "prompt", "mlp", "vit"]
    assert [task.train[0].shape[1:] for task in tasks] == [(8,), (8,), (8,), (64,), (16, 4)]
    batch = tasks[4].train_batch(tasks[4].train, np.array([0, 1], np.int32))
    assert batch[0].shape == (32, 16, 4) and batch[1].shape == (32,)


def test_missing_text_says_which_flag(tmp_path):
    recipe = MetaRecipe(tasks_per_step=1, tasks={"a": LITTLE})
    with pytest.raises(ValueError, match="Give --text"):
        task_data.load_tasks(recipe, text=None, fashion_mnist=None, folder=str(tmp_path))
    with pytest.raises(ValueError, match="nothing matches"):
        task_data.load_tasks(
            recipe, text=str(tmp_path / "none*"), fashion_mnist=None, folder=str(tmp_path)
        )


def test_a_folder_goes_on_with_the_same_data_alone(text, tmp_path, monkeypatch):
    recipe = MetaRecipe(tasks={"text": LITTLE}, members=2, members_at_once=2, tasks_per_step=1)

    def load():
        return task_data.load_tasks(recipe, text=text, fashion_mnist=None, folder=str(tmp_path))

    load()
    load()
    monkeypatch.setattr(task_data, "MAX_RECORDS", 150)
    with pytest.raises(ValueError, match="begun with other text. Give it the same --text"):
        load()
