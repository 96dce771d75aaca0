"""The whole update in NumPy: slow, obvious, float64, one function per sentence of the paper.

The twin of `update_rule.update` for tests and for readers. Nothing is fused, nothing is shared with
the TensorFlow code but the meta-parameters, the variable plan, the descriptors of tensors and the
random directions: chunks are a Python loop, attention is written as sums over tokens, phi with all
of its factors.
"""

from mnemosyne_tf.reference.growth import grow_positions, sizes_of_words
from mnemosyne_tf.reference.learned import attention
from mnemosyne_tf.reference.levers import read_levers
from mnemosyne_tf.reference.rule import ReferenceState, newton_schulz, update

__all__ = [
    "ReferenceState",
    "attention",
    "grow_positions",
    "newton_schulz",
    "read_levers",
    "sizes_of_words",
    "update",
]
