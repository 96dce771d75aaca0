"""Which variables weight decay applies to: their rank decides, then whole names, never parts.

A kernel below a layer called `unbiased_head` or `norm_first_block` is a kernel all the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import tensorflow as tf

_UNDECAYED_NAMES = ("bias", "gamma", "beta")
# `layer_norm`, `LayerNorm`, `norm`, `batch_normalization_2`, and nothing longer.
_NORMALISATION = re.compile(
    r"((layer|batch|group|instance|rms|unit|spectral)_?)?norm(ali[sz]ation)?(_\d+)?", re.IGNORECASE
)


def is_decayed(name: str, shape: Sequence[int | None]) -> bool:
    """Says whether weight decay applies to a variable.

    Scalars and vectors are not decayed: biases, and scales and offsets of normalisations. Of the
    others those are not that are called so, or that belong to a layer that is a normalisation.

    Args:
      name: path of the variable, "layer_0/attention/query/kernel:0"; only its last two segments
        are read, as whole words: the variable's own name and that of its layer.
      shape: of the variable.

    Source: Devlin et al. 2019, as in google-research/bert, `optimization.py`.
    Differs: BERT searches parts of the name, which spares kernels of layers that are called alike.
    """
    if len(shape) < 2:
        return False
    *_, layer, own_name = ("", *name.partition(":")[0].split("/"))
    return own_name not in _UNDECAYED_NAMES and not _NORMALISATION.fullmatch(layer)


class DecayByRole:
    """Mixin of a Keras optimizer: weight decay applies as `is_decayed` says.

    What the user excludes with `exclude_from_weight_decay` is not decayed either.
    """

    def _use_weight_decay(self, variable: tf.Variable) -> bool:
        return is_decayed(variable.name, variable.shape) and super()._use_weight_decay(variable)
