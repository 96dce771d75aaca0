"""The same model in a loop, on two replicas and from a file; and the names of its weights."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from models import BertClassifier, BertEncoder, BertPretrainer
from models.fused.activation import bias_gelu
from models.fused.compilation import compiled_at_unknown_shapes

# Roundings of a loss of two blocks of width 8 to 16 and a head over 50 words, and of sums.
LOSS = 2 * 60 + 50 + 80
NAMES = ("input_ids", "input_mask", "segment_ids")


@pytest.fixture
def dropping(bert_config):
    return dataclasses.replace(bert_config, dropout=0.2, attention_dropout=0.2, num_layers=1)


def tensors(batch):
    return {name: tf.constant(batch[name]) for name in NAMES}


def norm_of_gradients(encoder, features, seed):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(encoder(features, training=True, dropout_seed=seed)[1] ** 2)
    return tf.linalg.global_norm(tape.gradient(loss, encoder.trainable_variables))


def test_graph_of_parts_eager_and_one_program_drop_the_same(dropping, pretraining_batch):
    encoder, features = BertEncoder(dropping), tensors(pretraining_batch())
    expected = norm_of_gradients(encoder, features, tf.constant([3, 4]))
    for compiled in (False, True):

        @tf.function(jit_compile=compiled)
        def derive(features, seed):
            return norm_of_gradients(encoder, features, seed)

        found = derive(features, tf.constant([3, 4]))
        np.testing.assert_allclose(found, expected, rtol=rounding(2 * LOSS))


def test_a_graph_of_unknown_shapes_compiles_its_parts_where_it_is_asked_to():
    def gelu(product):
        return bias_gelu(product, tf.zeros([8]))

    unknown = tf.TensorSpec([None, 8])
    plain = tf.function(gelu).get_concrete_function(unknown)
    compiled = tf.function(compiled_at_unknown_shapes()(gelu)).get_concrete_function(unknown)
    assert [number_of_compiled_calls(each) for each in (plain, compiled)] == [0, 1]
    for rows in (1, 3):
        product = tf.constant(np.linspace(-3, 3, rows * 8).reshape(rows, 8), tf.float32)
        # Some 20 roundings of numbers up to 3.
        np.testing.assert_allclose(compiled(product), plain(product), atol=3 * rounding(20))


def number_of_compiled_calls(concrete_function):
    """Operations of the graph that XLA compiles by themselves."""
    operations = concrete_function.graph.get_operations()
    return sum(each.node_def.attr["_XlaMustCompile"].b for each in operations)


def test_steps_of_a_loop_are_those_made_one_by_one(dropping, pretraining_batch):
    encoder, features = BertEncoder(dropping), tensors(pretraining_batch())
    expected = sum(norm_of_gradients(encoder, features, tf.constant([3, i])) for i in range(3))

    @tf.function
    def loop(features):
        total = tf.zeros([])
        for i in tf.range(3):
            total += norm_of_gradients(encoder, features, tf.stack([3, i]))
        return total

    np.testing.assert_allclose(loop(features), expected, rtol=rounding(2 * LOSS))


def test_two_replicas_compute_what_one_computes(dropping, pretraining_batch, two_replicas):
    features, seed = tensors(pretraining_batch()), tf.constant([3, 4])
    with two_replicas.scope():
        encoder = BertEncoder(dropping)
        encoder({name: value[:1] for name, value in features.items()})
    expected = norm_of_gradients(encoder, features, seed)

    @tf.function
    def replicated(features):
        def step():
            return norm_of_gradients(encoder, features, seed)

        return two_replicas.experimental_local_results(two_replicas.run(step))

    found = replicated(features)
    assert len(found) == 2
    np.testing.assert_allclose(found, [expected] * 2, rtol=rounding(2 * LOSS))


@pytest.mark.slow
def test_saved_model_answers_batches_of_any_size(tmp_path, bert_config, pretraining_batch):
    classifier = BertClassifier(bert_config, 3)
    signature = [{name: tf.TensorSpec([None, None], tf.int32, name=name) for name in NAMES}]

    @tf.function(input_signature=signature)
    def serve(features):
        return classifier(features, training=False)

    features = tensors(pretraining_batch())
    expected = classifier(features)
    classifier.serve = serve
    tf.saved_model.save(classifier, str(tmp_path), signatures=serve)
    loaded = tf.saved_model.load(str(tmp_path))
    for count in (4, 1):
        found = loaded.serve({name: value[:count] for name, value in features.items()})
        np.testing.assert_allclose(found, expected[:count], rtol=0, atol=rounding(2 * LOSS))


def test_weights_have_the_names_of_published_checkpoints_of_this_project(bert_config):
    model = BertPretrainer(dataclasses.replace(bert_config, num_layers=1))
    ones = tf.ones([1, 2], tf.int32)
    model(dict.fromkeys((*NAMES, "masked_lm_positions"), ones))
    dense = ("attention/query", "attention/key", "attention/value", "attention/output")
    layer = [f"{name}/{part}" for name in dense for part in ("kernel", "bias")]
    layer += ["attention_layer_norm/gamma", "attention_layer_norm/beta"]
    layer += [
        f"{name}/{part}" for name in ("intermediate", "output") for part in ("kernel", "bias")
    ]
    layer += ["output_layer_norm/gamma", "output_layer_norm/beta"]
    expected = [
        "encoder/embeddings/word_embeddings",
        "encoder/embeddings/position_embeddings",
        "encoder/embeddings/segment_embeddings",
        "encoder/embeddings/layer_norm/gamma",
        "encoder/embeddings/layer_norm/beta",
        *(f"encoder/layer_0/{name}" for name in layer),
        "encoder/pooler/kernel",
        "encoder/pooler/bias",
        "masked_lm_head/output_bias",
        "masked_lm_head/transform/kernel",
        "masked_lm_head/transform/bias",
        "masked_lm_head/layer_norm/gamma",
        "masked_lm_head/layer_norm/beta",
        "next_sentence_head/kernel",
        "next_sentence_head/bias",
    ]
    found = [variable.name.split("/", 1)[1].removesuffix(":0") for variable in model.weights]
    assert sorted(found) == sorted(expected)
