"""One step of prompt tuning for a T5 whose weights are arguments: nothing is allocated for them.

The gradient is built in a TensorFlow graph that is never run. There a variable is only a name with
a shape; every reading of one becomes an argument of the program.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models.t5 import T5, T5Config

_PROMPT, _LOSS, _GRADIENT = "prompt", "loss", "gradient"


@dataclasses.dataclass(frozen=True)
class PromptBatch:
    """The sizes of a step.

    Attributes:
      rows: examples.
      text: tokens of the text.
      answer: tokens of the answer.
      prompt: vectors before the text.
    """

    rows: int
    text: int
    answer: int
    prompt: int

    def specs(self) -> dict[str, tf.TensorSpec]:
        """The int32 inputs by name."""
        shapes = {"input_ids": self.text, "input_mask": self.text,
                  "decoder_input_ids": self.answer, "labels": self.answer}  # fmt: skip
        return {n: tf.TensorSpec([self.rows, w], tf.int32, n) for n, w in shapes.items()}


def answer_loss(model: T5, features, prompts: tf.Tensor | None) -> tf.Tensor:
    """Mean cross-entropy of the tokens of the answers in nats, `[]`; label 0 is padding."""
    logits = model(features, prompts)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(features["labels"], logits)
    weights = tf.cast(features["labels"] > 0, tf.float32)
    return tf.reduce_sum(losses * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)


def lowered_step(
    config: T5Config, batch: PromptBatch, optimizer: keras.optimizers.Optimizer, dtype: str
) -> tuple[str, int]:
    """Returns a step in StableHLO, and the bytes of the optimizer's state.

    Args:
      config: the sizes of the T5.
      batch: of the step.
      optimizer: not built; its state and the prompt, float32, are all that is allocated.
      dtype: of the frozen weights, "bfloat16" or "float32".
    """
    graph, weights = gradient_graph(config, batch, dtype)
    prompt = tf.Variable(tf.zeros([batch.prompt, config.hidden_dim]), name="prompt_embeddings")
    optimizer.build([prompt])
    specs = [*batch.specs().values(), *weights.values()]

    @tf.function(input_signature=specs, jit_compile=True)
    def step(*arguments):
        names = [*batch.specs(), *weights]
        inputs = {f"{name}:0": each for name, each in zip(names, arguments, strict=True)}
        inputs[f"{_PROMPT}:0"] = tf.convert_to_tensor(prompt)
        outputs = [f"{_LOSS}:0", f"{_GRADIENT}:0"]
        loss, gradient = tf.import_graph_def(graph, input_map=inputs, return_elements=outputs)
        optimizer.apply_gradients([(gradient, prompt)])
        return loss

    text = step.experimental_get_compiler_ir(*specs)(stage="stablehlo")
    return text, sum(int(np.prod(v.shape)) * v.dtype.size for v in optimizer.variables)


def gradient_graph(
    config: T5Config, batch: PromptBatch, dtype: str
) -> tuple[tf.compat.v1.GraphDef, dict[str, tf.TensorSpec]]:
    """The graph of loss and gradient, and its arguments that stand for weights, by name."""
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(dtype)
    try:
        with tf.Graph().as_default() as graph:
            features = {
                name: tf.compat.v1.placeholder(spec.dtype, spec.shape, name)
                for name, spec in batch.specs().items()
            }
            shape = [batch.prompt, config.hidden_dim]
            prompt = tf.compat.v1.placeholder(tf.float32, shape, _PROMPT)
            prompts = tf.tile(prompt[tf.newaxis], [batch.rows, 1, 1])
            loss = answer_loss(T5(config), features, prompts)
            tf.identity(loss, _LOSS)
            tf.identity(tf.gradients(loss, prompt)[0], _GRADIENT)
    finally:
        keras.mixed_precision.set_global_policy(before)
    wanted = tf.compat.v1.graph_util.extract_sub_graph(graph.as_graph_def(), [_LOSS, _GRADIENT])
    return _with_arguments(wanted)


def _with_arguments(
    graph: tf.compat.v1.GraphDef,
) -> tuple[tf.compat.v1.GraphDef, dict[str, tf.TensorSpec]]:
    """Takes variables and placeholders out; where a variable was read stands an identity.

    Whoever imports the graph gives what was taken out, by its name.
    """
    changed, weights = tf.compat.v1.GraphDef(versions=graph.versions), {}
    for node in graph.node:
        if node.op == "VarHandleOp":
            shape = tf.TensorShape(node.attr["shape"].shape)
            dtype = tf.dtypes.as_dtype(node.attr["dtype"].type)
            weights[node.name] = tf.TensorSpec(shape, dtype)
        elif node.op == "ReadVariableOp":
            new = changed.node.add(op="Identity", name=node.name, input=node.input)
            new.attr["T"].CopyFrom(node.attr["dtype"])
        elif node.op != "Placeholder":
            changed.node.add().CopyFrom(node)
    return changed, weights
