"""How much memory a device needs for a training step, by arithmetic.

    weights      4 P, and 2 P for the copies in half precision
    gradients    4 P, and 4 P more for the sums where there are several micro-batches
    optimizer    what its variables hold
    activations  c n (8 h + 2 f + 2 a s) + n (2 h + a s) for each block, with dropout, of which
                 c n h stays with recomputation, besides one block
                 4 n 3 h for the embeddings, 4 m (2 V + 4 h) for the masked-LM head

P parameters, n tokens and m predictions of a micro-batch of sequences of s tokens, h the hidden and
f the intermediate width, a heads, V words, c bytes of a number in the precision.

Source: activations of a block: Korthikanti et al. 2022 (arXiv 2205.05198), equation 1, which has
f = 4 h and c = 2.
"""

from __future__ import annotations

import dataclasses

from models import BertConfig


@dataclasses.dataclass(frozen=True)
class MemoryEstimate:
    """Bytes on one device.

    Attributes:
      weights: of the model, with copies in the precision of the layers.
      gradients: of the weights, and their sums over micro-batches.
      optimizer: its state.
      activations: what the backward pass needs of a micro-batch.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations

    @property
    def of_step(self) -> int:
        """What a step adds to what stays between steps."""
        return self.gradients + self.activations


def estimate(
    config: BertConfig,
    *,
    num_parameters: int,
    optimizer_bytes: int,
    micro_batch: tuple[int, int, int],
    num_micro_batches: int = 1,
    precision: str = "float32",
    recompute: bool = False,
) -> MemoryEstimate:
    """Returns the estimate for one device.

    Args:
      config: of the model.
      num_parameters: of the model.
      optimizer_bytes: of the optimizer's variables.
      micro_batch: sequences, tokens and predictions of each.
      num_micro_batches: of a step on this device.
      precision: of the layers, a key of `precision.POLICIES`.
      recompute: whether the backward pass computes blocks again.
    """
    num_sequences, seq_len, num_predictions = micro_batch
    tokens, predictions = num_sequences * seq_len, num_sequences * num_predictions
    half = precision != "float32"
    number = 2 if half else 4
    width, scores = config.hidden_dim, config.num_heads * seq_len
    block = number * tokens * (8 * width + 2 * config.intermediate_dim + 2 * scores)
    if config.dropout or config.attention_dropout:
        block += tokens * (2 * width + scores)
    blocks = config.num_layers * block
    if recompute:
        blocks = config.num_layers * number * tokens * width + block
    embeddings = 4 * tokens * 3 * width
    head = 4 * predictions * (2 * config.vocab_size + 4 * width)
    return MemoryEstimate(
        weights=(6 if half else 4) * num_parameters,
        gradients=(8 if num_micro_batches > 1 else 4) * num_parameters,
        optimizer=optimizer_bytes,
        activations=blocks + embeddings + head,
    )
