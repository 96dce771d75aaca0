"""The optimizers whose steps are learned as a whole, before their first meta-step."""

from __future__ import annotations

import math

from mnemosyne_tf import MetaParams, Structure
from mnemosyne_tf.lstm.params import LSTMParams, LSTMStructure
from pipeline.lab.meta_training.inner_optimizer import InnerLSTM, InnerMnemosyne, InnerOptimizer

# The three differ only in what is compared. The same for all: the longest step (the CAM's answer is
# multiplied by e^2 at most), the decays (those of the nominal rule, which is imitated), and no
# weight decay.
LONGEST_STEP = 0.1
_DECAYS = ("rule/momentum_decay", "rule/second_moment_decay")
_NOMINAL = MetaParams.nominal().values


def fully_learned(optimizer: str, seed: int = 0) -> InnerOptimizer:
    """Returns an untrained optimizer, all of whose meta-parameters vary but those with bounds.

    Rates, decays and scales have bounds. They stay as they are: the heads can answer for them.

    Args:
        optimizer: "cam", "lstm" or "rnnprop".
        seed: of the untrained values.
    """
    if optimizer == "cam":
        params = MetaParams.nominal(_cam(seed))
        rule = {"rule/elementwise_rate": LONGEST_STEP / math.exp(2.0)}
    else:
        inputs = {"lstm": "log_sign", "rnnprop": "moments"}[optimizer]
        params = LSTMParams.untrained(LSTMStructure(inputs=inputs, seed=seed))
        rule = {"rule/output_scale": LONGEST_STEP}
    shared = {name: _NOMINAL[name] for name in _DECAYS if name in params.values}
    params = type(params)(params.structure, {**params.values, **shared, **rule})
    varied = frozenset(set(params.values) - set(params.structure.bounds()))
    if optimizer == "cam":
        return InnerMnemosyne(params, varied, weight_decay=0.0)
    return InnerLSTM(params, varied)


def _cam(seed: int) -> Structure:
    """8 x 9 floats of memory a weight, about what an LSTM of 2 x 20 units keeps (80).

    So neither has an advantage by its state. Every coordinate has its own memory, as in an LSTM;
    but features are divided by their RMS over the tensor, and six numbers that pool the tensor are
    an input of every coordinate, which an LSTM does not have.
    """
    return Structure(
        chunk_size=1,
        width=8,
        num_random_features=8,
        level_1="none",
        level_2="none",
        hidden_units=4,
        nominal_direction=False,
        seed=seed,
    )
