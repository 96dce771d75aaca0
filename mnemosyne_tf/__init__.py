"""Mnemosyne, a learned optimizer for Keras 2: `model.compile(optimizer=Mnemosyne())`.

Source: Jain et al. 2023, "Mnemosyne: Learning to Train Transformers with Transformers"
(arXiv 2302.01128). The paper released no code; what is our own choice says `Differs:`.
"""

from mnemosyne_tf.meta_params import MetaParams, Structure
from mnemosyne_tf.optimizer import Mnemosyne

__all__ = ["MetaParams", "Mnemosyne", "Structure"]
