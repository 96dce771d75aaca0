"""The role of a variable decides whether weight decay applies, not what its name contains."""

import pytest
import tensorflow as tf
import tf_keras as keras

from models import BertConfig, BertPretrainer
from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.optimizers.table import HAND_DESIGNED
from pipeline.optimizers.weight_decay import is_decayed
from pipeline.recipes.sections import OptimizerConfig


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("dense/kernel:0", (4, 4)),
        ("kernel", (4, 4)),
        ("unbiased_head/kernel:0", (4, 4)),
        ("norm_first_block/kernel:0", (4, 4)),
        ("norm_first_block/dense/kernel:0", (4, 4)),
        ("layer_norm_net/kernel:0", (4, 4)),
        ("model/layer_norm/projection/kernel:0", (4, 4)),
        ("bias/projection/kernel:0", (4, 4)),
        ("alphabet/gammas:0", (4, 4)),
        ("attention/query/kernel:0", (4, 2, 2)),
        ("encoder/embeddings/word_embeddings:0", (9, 4)),
    ],
)
def test_matrices_are_decayed_wherever_they_stand(name, shape):
    assert is_decayed(name, shape)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("dense/bias:0", (4,)),
        ("masked_lm_head/output_bias:0", (4,)),
        ("layer_norm/gamma:0", (4,)),
        ("rms/scale:0", (4,)),
        ("temperature:0", ()),
        ("attention/query/bias:0", (2, 2)),  # of EinsumDense, `[heads, head_dim]`
        ("layer_normalization_3/gamma:0", (4, 4)),  # over two axes
        ("LayerNorm/offset:0", (4, 4)),
        ("batch_normalization/weights:0", (4, 4)),
    ],
)
def test_biases_and_normalisations_are_not(name, shape):
    assert not is_decayed(name, shape)


def test_of_a_bert_kernels_and_embeddings_are_decayed():
    config = BertConfig(
        vocab_size=12,
        hidden_dim=16,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        max_position_embeddings=8,
    )
    model = BertPretrainer(config)
    names = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
    model({name: tf.ones([1, 4], tf.int32) for name in names})
    decayed = [v for v in model.trainable_variables if is_decayed(v.name, v.shape)]
    own_names = {variable.name.split("/")[-1] for variable in decayed}
    assert own_names == {
        *("kernel:0", "word_embeddings:0", "position_embeddings:0", "segment_embeddings:0")
    }
    # Three tables; query, key, value, output and two kernels of the block; pooler and two heads.
    assert len(decayed) == 3 + 6 + 3


@pytest.mark.parametrize("name", [row.name for row in HAND_DESIGNED])
def test_every_baseline_decays_by_role(name):
    config = OptimizerConfig(name=name, learning_rate=0.1, weight_decay=0.5, warmup_fraction=0.0)
    optimizer = make_optimizer(config, num_train_steps=10, labels_per_step=7)
    shapes = {"unbiased_head/kernel": [1, 1], "dense/bias": [1], "layer_norm/gamma": [1]}
    variables = [tf.Variable(tf.ones(shape), name=name) for name, shape in shapes.items()]
    optimizer.build(variables)
    optimizer.apply_gradients([(tf.zeros_like(v), v) for v in variables])
    # The gradient is 0, so only the decay of rate * 0.5 can move a weight. LAMB makes it a step in
    # proportion to the weight; of Schedule-Free's rate the bias correction leaves sqrt(1 - 0.999).
    moved = {"lamb": 0.1, "schedule_free_adamw": 0.05 * 0.001**0.5}.get(name, 0.05)
    assert [float(tf.squeeze(v)) for v in variables] == [pytest.approx(1 - moved), 1.0, 1.0]


@pytest.mark.parametrize("name", ["adamw", "nadamw"])
def test_user_can_exclude_more_and_a_copy_decays_by_role_too(name):
    config = OptimizerConfig(name=name, learning_rate=0.1, weight_decay=0.5, warmup_fraction=0.0)
    optimizer = make_optimizer(config, num_train_steps=10, labels_per_step=7)
    twin = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    for made in (optimizer, twin):
        variables = [tf.Variable([[1.0]], name="head/kernel"), tf.Variable([1.0], name="scale")]
        if made is optimizer:
            made.exclude_from_weight_decay(var_names=["head"])
        made.build(variables)
        made.apply_gradients([(tf.zeros_like(v), v) for v in variables])
        kernel = 1.0 if made is optimizer else 0.95
        assert [float(tf.squeeze(v)) for v in variables] == [pytest.approx(kernel), 1.0]
