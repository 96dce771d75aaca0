"""Which role a variable has, why, and what follows from it."""

import re

import pytest
import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf import Mnemosyne
from mnemosyne_tf.lstm.optimizers import RNNprop
from mnemosyne_tf.parameter_roles import ROLES, UNDECAYED_OWN_NAMES, find_role
from models import BertConfig, BertPretrainer


@pytest.mark.parametrize(
    ("name", "shape", "role"),
    [
        # The segments of models and blocks say nothing, regardless of their names.
        ("embedding_net/dense/kernel:0", (64, 64), "kernel"),
        ("embedding_net/dense/bias:0", (64,), "bias"),
        ("unbiased_head/kernel:0", (64, 64), "kernel"),
        ("norm_first_block/dense/kernel:0", (64, 64), "kernel"),
        ("layer_norm_net/dense/kernel:0", (64, 64), "kernel"),
        ("alphabeta/kernel:0", (64, 64), "kernel"),
        ("gamma_ray_model/dense_1/kernel:0", (64, 64), "kernel"),
        ("beta/encoder/dense/kernel:0", (64, 64), "kernel"),
        ("embedding_net/query/kernel:0", (64, 64), "query/key"),
        ("text_embedding/w:0", (64, 64), "kernel"),
        ("embedding/projection:0", (64, 64), "kernel"),
        ("gamma:0", (64, 64), "kernel"),
        ("dense/scale:0", (64, 64), "kernel"),
        ("layer_normalization/gamma:0", (8, 64), "norm"),
        # Tables, of our BERT, of Keras and of others.
        ("bert/embeddings/word_embeddings:0", (512, 64), "word table"),
        ("bert/embeddings/position_embeddings:0", (512, 64), "position table"),
        ("bert/embeddings/segment_embeddings:0", (2, 64), "table"),
        ("word_embeddings/embeddings:0", (512, 64), "word table"),
        ("token_type_embeddings/embeddings:0", (2, 64), "table"),
        ("position_embedding/embeddings:0", (512, 64), "position table"),
        ("embedding/embeddings:0", (512, 64), "table"),
        ("embeddings/token", (512, 64), "word table"),
        ("embeddings/word_embeddings/weight:0", (512, 64), "word table"),
        ("vit/pos_embed:0", (1, 197, 64), "position table"),
        ("embedding_table", (512, 64), "table"),
        ("patch_embedding/kernel:0", (16, 16, 3, 64), "kernel"),
        # Vectors.
        ("embeddings/layer_norm/gamma:0", (64,), "norm"),
        ("embeddings/layer_norm/beta:0", (64,), "norm"),
        ("batch_normalization_3/gamma:0", (64,), "norm"),
        ("rms_norm/weight:0", (64,), "norm"),
        ("LayerNorm/scale", (64,), "norm"),
        ("norm_first_block/vector:0", (64,), "other"),
        ("head/output_bias:0", (512,), "bias"),
        ("attention/query/bias:0", (12, 64), "bias"),
        ("unbiased/temperature:0", (), "other"),
        # Kernels by layer and shape.
        ("layer_0/attention/key/kernel:0", (64, 64), "query/key"),
        ("layer_0/attention/value/kernel:0", (64, 4, 16), "value/output"),
        ("layer_0/attention/output/kernel:0", (64, 64), "value/output"),
        ("multi_head_attention/attention_output/kernel:0", (4, 16, 64), "value/output"),
        ("layer_0/intermediate/kernel:0", (64, 256), "feed-forward in"),
        ("layer_0/output/kernel:0", (256, 64), "feed-forward out"),
        ("output/kernel:0", (64, 64), "kernel"),
        ("classifier/kernel:0", (768, 3), "readout"),
        ("lm_head/kernel:0", (768, 30522), "readout"),
        ("t5/lm_head/kernel:0", (1024, 32128), "readout"),  # 31.4: not thin
        ("masked_lm_head/transform/kernel:0", (64, 64), "kernel"),
        ("conv2d/kernel:0", (3, 3, 64, 64), "kernel"),
        # No telling name: the shape decides.
        ("Variable:0", (64, 64), "kernel"),
        ("Variable:0", (64,), "other"),
        ("lookup", (0, 3), "other"),
    ],
)
def test_role_of_name_and_shape(name, shape, role):
    found = find_role(name, shape)
    assert found.role == role
    assert found.reason


def test_a_model_named_embedding_net_trains_its_kernels_as_matrices():
    inputs = keras.Input([16])
    hidden = keras.layers.Dense(16, name="unbiased_head")(inputs)
    outputs = keras.layers.Dense(16, name="norm_first_block")(hidden)
    model = keras.Model(inputs, outputs, name="embedding_net")
    with tf.name_scope("embedding_net"):
        kernel = tf.Variable(tf.ones([16, 16]), name="dense/kernel")
    assert kernel.name.startswith("embedding_net/")
    optimizer, lines = Mnemosyne(jit_compile=False), []
    optimizer.build([*model.trainable_variables, kernel])
    optimizer.summary(print_fn=lines.append)
    kernels = [line for line in lines if "kernel:0" in line]
    assert len(kernels) == 3
    assert all("matrix 16 x 16" in line and " yes " in line for line in kernels)
    assert all("rank 2" in line for line in kernels)


@pytest.mark.parametrize("make", [Mnemosyne, RNNprop])
def test_user_overrides_role_by_name_and_pattern(make):
    variables = [
        tf.Variable(tf.ones([16, 16]), name=name)
        for name in ("lookup", "a/table_1", "dense/kernel")
    ]
    roles = {"lookup": "word table", r"table_\d$": "norm"}
    optimizer = make(parameter_roles=roles, jit_compile=False)
    optimizer.build(variables)
    found = [optimizer.role_of(variable) for variable in variables]
    assert [role for role, _ in found] == ["word table", "norm", "kernel"]
    assert found[0].reason == "parameter_roles 'lookup'"
    assert [optimizer._use_weight_decay(variable) for variable in variables] == [True, False, True]
    assert make.from_config(optimizer.get_config()).get_config()["parameter_roles"] == roles


def test_override_decides_path_and_decay_of_mnemosyne():
    table, vector = tf.Variable(tf.ones([64, 64]), name="lookup"), tf.Variable([1.0], name="v")
    optimizer = Mnemosyne(parameter_roles={"lookup": "table", "^v$": "bias"})
    optimizer.build([table, vector])
    lookup, vector = optimizer._model.plans
    assert (lookup.path, lookup.decayed) == ("elementwise", True)
    assert not vector.decayed


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"lookup": "tabel"}, "'word table'.*for 'lookup'.*received 'tabel'"),
        ({"look[up": "table"}, r"regular expression.*'look\[up'"),
    ],
)
def test_role_that_makes_no_sense_is_refused(roles, message):
    with pytest.raises(ValueError, match=message):
        Mnemosyne(parameter_roles=roles)


def test_pattern_that_fits_nothing_is_refused_and_so_is_the_matrix_of_a_vector():
    variable = tf.Variable([1.0], name="dense/bias")
    with pytest.raises(ValueError, match=r"\['lookup'\].*dense/bias"):
        Mnemosyne(parameter_roles={"lookup": "table"}).build([variable])
    with pytest.raises(ValueError, match="rank 2 or more.*'dense/bias"):
        Mnemosyne(parameter_roles={"bias": "kernel"}).build([variable])


def bert_variables():
    features = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
    config = BertConfig(
        vocab_size=400, hidden_dim=32, num_layers=2, num_heads=2, intermediate_dim=128,
        max_position_embeddings=16,
    )  # fmt: skip
    model = BertPretrainer(config)
    model({name: tf.zeros([1, 8], tf.int32) for name in features})
    return model.trainable_variables


def test_plan_of_bert():
    """Roles of every variable; path and decay are those of names, as they were before roles."""
    variables = bert_variables()
    optimizer = Mnemosyne()
    optimizer.build(variables)
    count = dict.fromkeys(ROLES, 0)
    for variable, plan, found in zip(
        variables, optimizer._model.plans, optimizer._model.roles, strict=True
    ):
        name = variable.name
        count[found.role] += 1
        is_kernel = "kernel" in name and "next_sentence" not in name
        assert (plan.path == "matrix") == is_kernel, name
        spared = any(part in name for part in ("bias", "gamma", "beta"))
        assert plan.decayed != spared, name
        assert any(re.search(pattern, name) for pattern in UNDECAYED_OWN_NAMES) == spared, name
    assert {role: number for role, number in count.items() if number} == {
        "word table": 1, "position table": 1, "table": 1, "query/key": 4, "value/output": 4,
        "feed-forward in": 2, "feed-forward out": 2, "kernel": 2, "readout": 1, "norm": 12,
        "bias": 16,
    }  # fmt: skip


def test_keras_3_is_told_what_to_do():
    """Nothing of ours is called by Keras 3 but the text of the optimizer, which its error holds."""
    keras_3 = pytest.importorskip("keras", minversion="3.0", reason="Keras 3 is not installed")
    model = keras_3.Sequential([keras_3.layers.Dense(1)])
    with pytest.raises(ValueError, match=r"`tf_keras`.*TF_USE_LEGACY_KERAS=1"):
        model.compile(optimizer=Mnemosyne(), loss="mse")


@pytest.mark.parametrize(
    ("own", "role"), [("bias", "bias"), ("gamma", "norm"), ("kernel", "kernel")]
)
def test_the_copy_of_a_variable_on_another_replica_has_the_same_role(own, role):
    # What Keras's own optimizers see of a mirrored variable; with another role, replicas diverge.
    shape = (16, 16) if role == "kernel" else (16,)
    for name in (f"dense/{own}:0", f"dense/{own}/replica_1:0", f"dense/{own}/replica_12:0"):
        assert find_role(name, shape).role == role
