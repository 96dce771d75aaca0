import numpy as np
import pytest
from numeric_bounds import chance

from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.nominal_rule import NOMINAL_RULE
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne
from pipeline.lab.meta_training.inner_run import InnerRun
from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks import prompt_tuning
from pipeline.lab.meta_training.tasks.masked_lm import masked_lm_task

SETTINGS = TaskSettings(
    kind="prompt", num_steps=200, num_layers=2, vocab_size=32, seq_len=12, pretraining_steps=400
)


@pytest.fixture
def untrained(monkeypatch):
    """The encoder as it is drawn, without its training; counts how often it is asked for."""
    asked = []

    def pretrain(name, settings, tokens, seed):
        asked.append(name)
        task = masked_lm_task(name, settings, tokens)
        return task.initial_weights(np.random.default_rng(seed))

    monkeypatch.setattr(prompt_tuning, "_pretrain", pretrain)
    return asked


def test_half_of_the_sequences_get_the_second_half_of_the_one_before():
    tokens = np.arange(4_000, dtype=np.int32).reshape(1_000, 4)
    rows, labels = prompt_tuning.copies_and_mismatches(tokens, seed=0)
    assert abs(labels.mean() - 0.5) < chance(1_000, 0.5) and labels.dtype == np.int32
    np.testing.assert_array_equal(rows[:, :2], tokens[:, :2])
    np.testing.assert_array_equal(rows[labels == 1], tokens[labels == 1])
    strange = rows[labels == 0]
    np.testing.assert_array_equal(strange[:, 2:], (strange[:, :2] - 2) % 4_000)


@pytest.mark.usefixtures("untrained")
def test_plateau_is_what_one_answer_for_all_gives(tmp_path):
    task = prompt_tuning.prompt_task("p", SETTINGS, seed=0, folder=str(tmp_path))
    share = task.train[1].mean()
    weights = task.initial_weights(np.random.default_rng(0))
    constant = {
        **weights,
        "classifier/kernel": np.zeros_like(weights["classifier/kernel"]),
        "classifier/bias": np.log([1 - share, share]).astype(np.float32),
    }
    loss = float(task.loss(constant, task.heldout_batch()))
    assert task.plateau == pytest.approx(loss, abs=1e-4)
    assert task.plateau == pytest.approx(np.log(2), abs=0.01)


@pytest.mark.usefixtures("untrained")
def test_only_prompt_and_classifier_are_trained(tmp_path):
    task = prompt_tuning.prompt_task("p", SETTINGS, seed=0, folder=str(tmp_path))
    weights = task.initial_weights(np.random.default_rng(0))
    assert {name: value.shape for name, value in weights.items()} == {
        "embeddings/prompt": (4, 32),
        "classifier/kernel": (32, 2),
        "classifier/bias": (2,),
    }
    moved = {**weights, "embeddings/prompt": -weights["embeddings/prompt"]}
    batch = task.heldout_batch()
    assert float(task.loss(moved, batch)) != float(task.loss(weights, batch))


def test_the_encoder_is_trained_once_and_read_from_its_file(tmp_path, untrained):
    folder = str(tmp_path)
    first = prompt_tuning.prompt_task("p", SETTINGS, seed=0, folder=folder)
    again = prompt_tuning.prompt_task("p", SETTINGS, seed=0, folder=folder)
    assert untrained == ["p"]
    assert [file.name for file in tmp_path.iterdir()] == ["encoder_p.npz"]
    weights = first.initial_weights(np.random.default_rng(0))
    losses = [float(task.loss(weights, task.heldout_batch())) for task in (first, again)]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_nominal_rule_gets_below_the_plateau_with_a_trained_encoder(tmp_path, capsys):
    task = prompt_tuning.prompt_task("p", SETTINGS, seed=0, folder=str(tmp_path))
    assert "the encoder ends at" in capsys.readouterr().err
    before = (tmp_path / "encoder_p.npz").read_bytes()
    nominal = MetaParams.nominal()
    values = {name: nominal.values[name][np.newaxis] for name in NOMINAL_RULE}
    optimizer = InnerMnemosyne(nominal, frozenset(values), **task.run_arguments)
    losses = InnerRun(task, optimizer)(values, seed=1)
    assert losses[0, -1] < task.plateau - 0.2
    assert (tmp_path / "encoder_p.npz").read_bytes() == before
