"""A soft prompt before the tokens of a frozen BERT."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from numeric_bounds import float32_error, rounding

from models.prompted_bert import PromptAndHead, PromptedBert, PromptedBertClassifier
from pipeline.weights.tensors import variables_by_path


@pytest.fixture(name="model")
def fixture_model(bert_config, pretraining_batch):
    model = PromptedBertClassifier(bert_config, num_outputs=3, prompt_length=4)
    model.encoder(pretraining_batch())
    model(pretraining_batch())
    rng = np.random.default_rng(0)
    for variable in model.variables:  # so that no bias is 0 and no gain 1
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return model


def reference(bert_numpy, config, batch, row, names):
    """Logits of one row by the NumPy encoder's own parts, as a function of prompt and weights."""

    def logits(prompt, *arrays):
        weights = dict(zip(names, arrays, strict=True))
        table = "encoder/embeddings/"
        words = weights[f"{table}word_embeddings"][batch["input_ids"][row]]
        words = words + weights[f"{table}position_embeddings"][:10]
        words = words + weights[f"{table}segment_embeddings"][batch["segment_ids"][row]]
        hidden = np.concatenate([prompt, words])
        hidden = bert_numpy.layer_norm(hidden, weights, f"{table}layer_norm")
        mask = np.concatenate([np.ones(len(prompt), int), batch["input_mask"][row]])
        for i in range(config.num_layers):
            name = f"encoder/layer_{i}"
            hidden = bert_numpy.block(hidden, mask, weights, name, config.num_heads)
        return bert_numpy.dense(hidden[: len(prompt)].mean(axis=0), weights, "head")

    return logits


def test_logits_are_those_of_the_formula(model, bert_numpy, bert_config, pretraining_batch):
    batch = pretraining_batch()
    named = variables_by_path(model)
    prompt = named.pop(next(name for name in named if "prompt" in name)).numpy()
    arrays = [variable.numpy() for variable in named.values()]
    found = model(batch).numpy()
    for row in range(2):
        function = reference(bert_numpy, bert_config, batch, row, list(named))
        inputs = [prompt, *arrays]
        # The longest sum has 16 terms, those of attention 14; 40 with what is between two.
        error = float32_error(function, *inputs, operations=40)
        expected = function(*(each.astype(np.float64) for each in inputs))
        np.testing.assert_allclose(found[row], expected, rtol=0, atol=error)


def test_padding_changes_nothing(model, pretraining_batch):
    batch = pretraining_batch()
    lengths = batch["input_mask"].sum(axis=1)
    row = int(lengths.argmin())
    names = ("input_ids", "input_mask", "segment_ids")
    cut = {name: batch[name][row : row + 1, : lengths[row]] for name in names}
    # The same sums: zeros are added, or not.
    error = rounding(200) * 10
    np.testing.assert_allclose(model(cut)[0], model(batch)[row], rtol=0, atol=error)


def test_prompt_and_head_are_all_that_trains(model):
    shapes = [tuple(variable.shape) for variable in model.trainable_variables]
    assert sorted(shapes) == [(3,), (4, 8), (8, 3)]


def test_an_optimizer_keeps_state_for_prompt_and_head_alone(model):
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    moments = [v for v in optimizer.variables if v.shape.rank]
    assert sum(v.shape.num_elements() for v in moments) == 2 * (4 * 8 + 8 * 3 + 3)


def test_the_frozen_encoder_has_no_gradient(model, pretraining_batch):
    with tf.GradientTape() as tape:
        tape.watch(model.trainable_variables)
        loss = tf.reduce_sum(model(pretraining_batch()) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(np.any(tf.convert_to_tensor(each) != 0) for each in gradients)
    assert model.encoder.trainable_variables == []


def test_rows_of_many_tasks_in_one_batch_get_the_logits_of_their_own(model, pretraining_batch):
    rng = np.random.default_rng(1)
    tasks = [
        PromptAndHead(*(rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes))
        for shapes in (((4, 8), (8, 3), (3,)), ((2, 8), (8, 1), (1,)), ((4, 8), (8, 2), (2,)))
    ]
    batch = pretraining_batch()
    index = [2, 0, 1, 0]
    mixed = PromptedBert(model.encoder, tasks)({**batch, "task_index": tf.constant(index)})
    assert mixed.shape == (4, 3)
    for row, task in enumerate(index):
        alone = PromptedBertClassifier(model.config, len(tasks[task].bias), len(tasks[task].prompt))
        alone.encoder = model.encoder
        alone(batch)
        alone.prompt.assign(tasks[task].prompt)
        alone.head.set_weights([tasks[task].kernel, tasks[task].bias])
        outputs = len(tasks[task].bias)
        # The same sums in another order, by layers of which each amplifies: two blocks of 40
        # roundings each, the norms divide by deviations of 0.1 or more (twice a block), of logits
        # below 10.
        error = rounding(2 * 40) * 10 * 10**2
        np.testing.assert_allclose(mixed[row, :outputs], alone(batch)[row], rtol=0, atol=error)
        assert not np.any(mixed[row, outputs:])
