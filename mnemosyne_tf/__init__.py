"""Mnemosyne, a learned optimizer for Keras 2: `model.compile(optimizer=Mnemosyne())`.

Source: Jain et al. 2023, "Mnemosyne: Learning to Train Transformers with Transformers"
(arXiv 2302.01128). The paper released no code; what is our own choice says `Differs:`. The learned
optimizers that it is compared with are here, too: `CoordinatewiseLSTM` and `RNNprop`.
"""

from mnemosyne_tf.lstm.optimizers import CoordinatewiseLSTM, RNNprop
from mnemosyne_tf.lstm.params import LSTMParams, LSTMStructure
from mnemosyne_tf.meta_params import MetaParams, Structure
from mnemosyne_tf.optimizer import Mnemosyne
from mnemosyne_tf.parameter_roles import FINE_TUNING_RATES

__all__ = [
    "FINE_TUNING_RATES",
    "CoordinatewiseLSTM",
    "LSTMParams",
    "LSTMStructure",
    "MetaParams",
    "Mnemosyne",
    "RNNprop",
    "Structure",
]
