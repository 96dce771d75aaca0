import numpy as np
import tensorflow as tf

from models.vit import ViTClassifier, ViTConfig
from pipeline.vision.layer_decay import smaller_steps, step_factors


def test_factors_fall_from_head_to_embeddings():
    config = ViTConfig(
        patch_size=2, hidden_dim=8, num_layers=2, num_heads=2, intermediate_dim=8, image_size=4
    )
    model = ViTClassifier(config, 2, name="vit")
    model(tf.zeros([1, 4, 4, 3]))
    names = [variable.name for variable in model.trainable_variables]
    factors = dict(zip(names, step_factors(names, 2, 0.5), strict=True))
    assert factors["vit/head/kernel:0"] == factors["vit/encoder/layer_norm/gamma:0"] == 1
    assert factors["vit/encoder/layer_1/attention/query/kernel:0"] == 0.5
    assert factors["vit/encoder/layer_0/output/bias:0"] == 0.25
    assert factors["vit/encoder/embeddings/position_embeddings:0"] == 0.125
    assert factors["vit/encoder/embeddings/patch_projection/kernel:0"] == 0.125


def test_a_variable_goes_its_part_of_the_way():
    variables = [tf.Variable([1.0, 2.0]), tf.Variable([1.0, 2.0])]

    @tf.function
    def step():
        def make_step():
            for variable in variables:
                variable.assign(variable + 4.0)

        smaller_steps(variables, [0.25, 1.0], make_step)

    step()
    np.testing.assert_array_equal(variables[0], [2.0, 3.0])
    np.testing.assert_array_equal(variables[1], [5.0, 6.0])
