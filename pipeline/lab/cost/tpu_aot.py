"""The story of `mnemosyne bench cost --tpu`: a training step compiled for a TPU that is not there.

Nothing runs, see `pipeline.lab.tpu_compiler`; the packages of the extra `tpu` are needed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from models import BertConfig, BertPretrainer
from pipeline.lab import figures_file
from pipeline.lab.cost import shapes, timing
from pipeline.lab.tpu_compiler import compiler_for
from pipeline.train_step import make_replica_step

_BATCH, _SEQ_LEN, _PREDICTIONS = 16, 128, 20
LIVE = "trained heads"  # not zero: encoder, memory and network are in the program


def run(
    sizes: Sequence[str], *, tpu: str, output: str | None, variants: Sequence[str] = ()
) -> None:
    """Compiles the step of every size, prints the figures and writes them as JSON.

    Args:
        sizes: of BERT, as of `BertConfig.named`.
        variants: keys of `timing.VARIANTS`; empty: `LIVE`, with all parts of the optimizer.
        tpu: a key of `tpu_topologies.TOPOLOGIES`.
        output: the file, or None.

    Raises:
        ValueError: the packages of the extra are not installed, or a variant is unknown.
    """
    compile_for_tpu = compiler_for(tpu)
    timing.check_known(variants)
    found: dict[str, dict[str, Any]] = {}
    for size, variant in itertools.product(sizes, variants or [LIVE]):
        text = lowered_training_step(size, variant)
        figures = compile_for_tpu(text)
        found.setdefault(size, {})[variant] = figures
        print(
            f"BERT-{size}, {variant}, {_BATCH} x {_SEQ_LEN} tokens, TPU {tpu}: compiled in "
            f"{figures['cpu_seconds']:.0f} CPU s; arguments {figures['argument_bytes'] / 1e6:,.0f} "
            f"MB, temporaries {figures['temp_bytes'] / 1e6:,.0f} MB, code "
            f"{figures['code_bytes'] / 1e6:,.1f} MB, {figures['flops'] / 1e9:,.0f} GFLOP a step",
            flush=True,
        )
    if output:
        settings = {"suite": "tpu", "tpu": tpu, "tokens": [_BATCH, _SEQ_LEN]}
        figures_file.save(output, settings | {"sizes": found}, versions_of=("tensorflow",))


def lowered_training_step(size: str, variant: str = LIVE) -> str:
    """Returns a whole training step of BERT with a variant of Mnemosyne, in StableHLO."""
    model = BertPretrainer(BertConfig.named(size, vocab_size=shapes.VOCAB_SIZE))
    features = _features()
    model(features)
    optimizer = timing.make_optimizer(variant)
    optimizer.build(model.trainable_variables)

    step = tf.Variable(0, dtype=tf.int64, trainable=False)
    # What trains, here as one program: `pipeline.train_step`.
    replica_step = make_replica_step(model, optimizer, step, seed=0, xla_compiles="step")
    return replica_step.experimental_get_compiler_ir(features)(stage="stablehlo")


def _features() -> dict[str, Any]:
    tokens = dict.fromkeys(("input_ids", "input_mask", "segment_ids"), _SEQ_LEN)
    predictions = dict.fromkeys(("masked_lm_positions", "masked_lm_ids"), _PREDICTIONS)
    return {
        name: tf.ones([_BATCH, length], tf.int32) for name, length in (tokens | predictions).items()
    } | {
        "masked_lm_weights": tf.ones([_BATCH, _PREDICTIONS]),
        "next_sentence_labels": tf.ones([_BATCH], tf.int32),
        "next_sentence_weights": tf.ones([_BATCH]),
    }
