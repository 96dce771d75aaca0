"""Mnemosyne, a learned optimizer for Keras 2: `model.compile(optimizer=Mnemosyne())`.

Source: Jain et al. 2023, "Mnemosyne: Learning to Train Transformers with Transformers"
(arXiv 2302.01128). The paper released no code; what is our own choice says `Differs:`. The learned
optimizers that it is compared with are here, too: `CoordinatewiseLSTM` and `RNNprop`.

    optimizer, guarded_optimizer, gradient_norm    the Keras side
    model_update, in_place_update                  all variables of a model, as tensors and in place
    parameter_roles, variable_plan                 what is decided once about a variable
    update_rule                                    one step in seven stages, with adam_direction,
                                                   newton_schulz, step_size and sums
    structure, meta_params, param_file, weights    which numbers there are, their values, on disk
    nominal_rule, rule_settings                    the hand-made ones, and those of the user
    learned, lstm, reference                       encoder and memory; the LSTMs; the NumPy twin
"""

from mnemosyne_tf.lstm.optimizers import CoordinatewiseLSTM, RNNprop
from mnemosyne_tf.lstm.params import LSTMParams, LSTMStructure
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.nominal_rule import FINE_TUNING
from mnemosyne_tf.optimizer import Mnemosyne
from mnemosyne_tf.structure import Structure

__all__ = [
    "FINE_TUNING",
    "CoordinatewiseLSTM",
    "LSTMParams",
    "LSTMStructure",
    "MetaParams",
    "Mnemosyne",
    "RNNprop",
    "Structure",
]
