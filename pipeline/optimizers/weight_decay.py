"""Weight decay of Keras's own optimizers: by the role of a variable, as for ours."""

import tensorflow as tf

from mnemosyne_tf.gradient_norm import KeepsGradientNorm
from mnemosyne_tf.parameter_roles import ROLES, find_role


class DecayByRole(KeepsGradientNorm):
    """Mixin of a Keras optimizer: biases and norms are not decayed, see `find_role`.

    What the user excludes with `exclude_from_weight_decay` is not decayed either.

    Source: Devlin et al. 2019, as in google-research/bert, `optimization.py`.
    Differs: BERT searches parts of the name, which spares kernels of layers that are called alike.
    """

    def _use_weight_decay(self, variable: tf.Variable) -> bool:
        role, _ = find_role(variable.name, variable.shape)
        return ROLES[role].decayed and super()._use_weight_decay(variable)
