"""The optimizers whose steps are learned as a whole, before their first meta-step."""

from __future__ import annotations

from mnemosyne_tf.lstm_params import LSTMParams, LSTMStructure
from mnemosyne_tf.meta_params import MetaParams, Structure
from pipeline.meta_training.inner_optimizer import InnerLSTM, InnerMnemosyne, InnerOptimizer

# 8 x 9 floats of memory a weight, about what an LSTM of 2 x 20 units keeps (80), so that neither
# wins by its state. No chunk hears of another, as no coordinate of an LSTM does.
CAM = Structure(
    chunk_size=1,
    width=8,
    num_random_features=8,
    level_1="none",
    level_2="none",
    hidden_units=4,
    nominal_direction=False,
)


def fully_learned(optimizer: str) -> InnerOptimizer:
    """Returns an untrained optimizer, all of whose meta-parameters vary but those with bounds.

    Rates, decays and scales have bounds. They stay as they are: the heads can answer for them.

    Args:
        optimizer: "cam", "lstm" or "rnnprop".
    """
    if optimizer == "cam":
        kind, params = InnerMnemosyne, MetaParams.nominal(CAM)
    else:
        inputs = {"lstm": "log_sign", "rnnprop": "moments"}[optimizer]
        kind, params = InnerLSTM, LSTMParams.untrained(LSTMStructure(inputs=inputs))
    return kind(params, frozenset(set(params.values) - set(params.structure.bounds())))
