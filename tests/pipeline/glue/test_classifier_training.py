"""Fine-tuning a very small classifier: it learns, repeats itself, and stops when it breaks."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from numeric_bounds import rounding

from models import BertConfig
from pipeline.glue import classifier_step, classifier_training
from pipeline.glue.initial_weights import build_classifier, encoder_weights
from pipeline.glue.settings import FineTuningSettings
from pipeline.length_batches import Batch
from pipeline.optimizers.from_recipe import make_optimizer

CONFIG = BertConfig(
    vocab_size=12,
    hidden_dim=16,
    num_layers=1,
    num_heads=2,
    intermediate_dim=16,
    max_position_embeddings=8,
    dropout=0.0,
    attention_dropout=0.0,
)
SETTINGS = FineTuningSettings(
    num_train_epochs=8, learning_rate=3e-2, batch_size=16, max_seq_length=6, seed=3
)


def make_examples(num_examples=128):
    """Class 1 where token 7 stands behind [CLS], class 0 where token 8 does."""
    labels = (np.arange(num_examples) % 3 == 0).astype(np.int32)
    input_ids = np.full([num_examples, 6], 5, np.int32)
    input_ids[:, 0], input_ids[:, 1] = 2, np.where(labels == 1, 7, 8)
    ones = np.ones_like(input_ids)
    return {"input_ids": input_ids, "input_mask": ones, "segment_ids": 0 * ones}, labels


def make_model(num_outputs=2):
    weights, _ = encoder_weights(CONFIG, "unused", random_init=True, seed=3)
    return build_classifier(CONFIG, num_outputs, weights=weights, seed=3)


def fit(model, features, labels, settings=SETTINGS):
    return classifier_training.train(model, features, labels, settings=settings, description="task")


def test_class_loss_is_the_mean_cross_entropy():
    logits = tf.constant([[0.0, 0.0], [0.0, np.log(3.0)]])
    loss = classifier_step.task_loss(logits, tf.constant([0, 1]))
    # Maximum, exponentials, sum, logarithm and mean: at most 12 roundings of values up to log 4,
    # three times the result.
    expected = (np.log(2) - np.log(3 / 4)) / 2
    assert float(loss) == pytest.approx(expected, rel=rounding(3 * 12))


def test_score_loss_is_the_squared_error_on_minus_1_to_1():
    loss = classifier_step.task_loss(tf.constant([[0.5], [0.0]]), tf.constant([5.0, 2.5]))
    assert float(loss) == 0.125  # every value on the way is exact in binary


def test_another_range_of_scores_is_regressed_alike():
    loss = classifier_step.task_loss(tf.constant([[0.5], [0.0]]), tf.constant([5.0, 3.0]), (1, 5))
    assert float(loss) == 0.125
    predictions = classifier_training.predictions_from_logits(
        np.array([[-2.0], [0.0], [0.5], [1.0]]), is_regression=True, score_range=(1.0, 5.0)
    )
    assert predictions.tolist() == [1.0, 3.0, 4.0, 5.0]


def test_score_predictions_are_the_inverse_and_stay_in_range():
    logits = np.array([[-3.0], [-1.0], [0.0], [0.2], [1.0], [1.4]])
    predictions = classifier_training.predictions_from_logits(logits, is_regression=True)
    np.testing.assert_allclose(predictions, [0.0, 0.0, 2.5, 3.0, 5.0, 5.0])


def test_class_predictions_are_the_largest_logit():
    logits = np.array([[1.0, 2.0], [0.5, -1.0]])
    assert classifier_training.predictions_from_logits(logits, is_regression=False).tolist() == [
        1,
        0,
    ]


def test_it_learns_a_task_that_one_token_decides():
    features, labels = make_examples()
    model = make_model()
    assert fit(model, features, labels) == 64
    logits = classifier_training.predict(model, features, batch_size=50)
    assert logits.argmax(axis=-1).tolist() == labels.tolist()


def test_the_same_seed_gives_the_same_weights():
    features, labels = make_examples(48)
    models = [make_model(), make_model()]
    for model in models:
        fit(model, features, labels, FineTuningSettings(num_train_epochs=1, batch_size=8))
    first, second = (model.get_weights() for model in models)
    for weights, again in zip(first, second, strict=True):
        np.testing.assert_array_equal(weights, again)


def test_model_ends_at_the_weights_to_evaluate(monkeypatch):
    made = []

    def make(config, num_train_steps, labels_per_step, **_):
        assert (num_train_steps, labels_per_step) == (48 // 8, 8)
        made.append(make_optimizer(config, num_train_steps, labels_per_step))
        return made[-1]

    monkeypatch.setattr(classifier_training, "make_optimizer", make)
    features, labels = make_examples(48)
    settings = FineTuningSettings(
        num_train_epochs=1, batch_size=8, optimizer="schedule_free_adamw", learning_rate=1e-4
    )
    model = make_model()
    fit(model, features, labels, settings)
    variables = model.trainable_variables
    final = [variable.numpy() for variable in variables]
    with made[0].evaluation_weights(variables):
        for variable, value in zip(variables, final, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)
    # After the context they hold the weights to train at.
    assert any(
        (variable.numpy() != value).any() for variable, value in zip(variables, final, strict=True)
    )


def test_each_epoch_ends_with_a_call_and_training_does_not_depend_on_it():
    features, labels = make_examples(48)
    settings = FineTuningSettings(num_train_epochs=2.5, batch_size=8, learning_rate=1e-3)
    models = [make_model(), make_model()]
    epochs = []
    classifier_training.train(
        models[0],
        features,
        labels,
        settings=settings,
        description="task",
        after_epoch=epochs.append,
    )
    fit(models[1], features, labels, settings)
    assert epochs == [1, 2, 3]
    for weights, others in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(weights, others)


def test_predictions_do_not_depend_on_the_batch_size():
    features, _ = make_examples(10)
    model = make_model()
    logits = [classifier_training.predict(model, features, batch_size=size) for size in (3, 10, 32)]
    assert [part.shape for part in logits] == [(10, 2)] * 3
    # Embeddings, a block, the pooler and the head of width 16: two norms and seven products of some
    # 40 roundings each, in both. A logit is a sum of its kernel's entries times at most 1.
    kernel = model.head.get_weights()[0]
    error = 2 * rounding(9 * 40) * np.abs(kernel).sum(axis=0).max()
    np.testing.assert_allclose(logits[0], logits[1], rtol=0, atol=error)
    np.testing.assert_allclose(logits[0], logits[2], rtol=0, atol=error)


def test_a_loss_that_is_not_finite_stops_with_its_steps():
    features, _ = make_examples(32)
    scores = np.full([32], np.inf, np.float32)
    with pytest.raises(FloatingPointError, match=r"between steps 1 and \d+; try a smaller"):
        fit(make_model(num_outputs=1), features, scores)


def test_a_batch_is_as_wide_as_its_longest_example_needs():
    features, _ = make_examples(4)
    batch = Batch(np.array([1, 2]), width=4)
    assert {v.shape for v in classifier_step.cut(features, batch).values()} == {(2, 4)}
    wider = Batch(np.array([1, 2]), width=8)  # rounded up beyond the arrays
    assert {v.shape for v in classifier_step.cut(features, wider).values()} == {(2, 6)}


def test_logits_come_back_in_the_order_of_the_examples():
    features, _ = make_examples(6)
    for length, mask in zip([6, 3, 5, 2, 6, 4], features["input_mask"], strict=True):
        mask[length:] = 0
    model = make_model()
    together = classifier_training.predict(model, features, batch_size=2)
    for row in range(6):
        alone = {name: values[row : row + 1] for name, values in features.items()}
        one = classifier_training.predict(model, alone, batch_size=1)[0]
        # As in `test_predictions_do_not_depend_on_the_batch_size`.
        kernel = model.head.get_weights()[0]
        error = 2 * rounding(9 * 40) * np.abs(kernel).sum(axis=0).max()
        np.testing.assert_allclose(together[row], one, rtol=0, atol=error)


def test_a_short_training_on_a_cpu_compiles_nothing():
    assert classifier_step.what_is_compiled(199) == "nothing"
    assert classifier_step.what_is_compiled(200) == "parts"


@pytest.mark.slow
@pytest.mark.parametrize("compiled", ["parts", "step"])
def test_compiled_steps_give_the_weights_of_plain_ones(monkeypatch, compiled):
    features, labels = make_examples(32)
    # Not AdamW: it would blow the rounding of gradients that are zero up to whole steps.
    settings = FineTuningSettings(
        num_train_epochs=1, batch_size=16, optimizer="sgd", learning_rate=0.1
    )
    models = []
    for what in ("nothing", compiled):
        monkeypatch.setattr(classifier_training, "what_is_compiled", lambda _, what=what: what)
        models.append(make_model())
        fit(models[-1], features, labels, settings)
    plain, others = (model.get_weights() for model in models)
    # Two steps of momentum 0.9 along gradients whose norm is clipped to 1, each with the roundings
    # of sums over 16 sequences of 6 tokens and, there and back, of nine sums of about 16.
    moved = settings.learning_rate * (1 + 1.9)
    atol = 2 * moved * rounding(16 * 6 + 2 * 9 * 16)
    for weights, other in zip(plain, others, strict=True):
        np.testing.assert_allclose(weights, other, rtol=0, atol=atol)


@pytest.mark.slow
def test_compiled_parts_are_of_one_graph_for_all_widths():
    model = make_model()
    step = classifier_step.make_train_step(
        model, keras.optimizers.SGD(0.0), np.int32, compiled="parts"
    )
    for width in (4, 5, 6):
        features = {name: tf.ones([2, width], tf.int32) for name in classifier_step.BATCH_SPEC}
        step(features, tf.constant([0, 1]), tf.constant([0, 1]))
    assert step.experimental_get_tracing_count() == 1


@pytest.mark.slow
def test_mnemosyne_learns_a_task_at_its_own_rates():
    features, labels = make_examples()
    settings = dataclasses.replace(
        SETTINGS, optimizer="mnemosyne", learning_rate=1.0, num_train_epochs=20, dropout=0.0
    )
    model = make_model()
    fit(model, features, labels, settings)
    logits = classifier_training.predict(model, features, batch_size=32)
    assert (logits.argmax(axis=1) == labels).mean() == 1.0


def test_many_models_in_one_process_cause_no_warning_of_retracing(caplog):
    features, _ = make_examples(2)
    # TensorFlow warns at the fifth graph of the same function within ten calls.
    with caplog.at_level("WARNING", logger="tensorflow"):
        for _ in range(6):
            classifier_training.make_predict(make_model(), batch_size=2)(features)
    assert "retracing" not in caplog.text
