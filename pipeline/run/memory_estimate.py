"""How much memory a device needs for a training step, by arithmetic.

    weights      4 P, and 2 P for the copies in half precision
    gradients    4 P, and 4 P more for the sums where there are several micro-batches
    optimizer    what its variables hold
    activations  c n (8 h + 2 f + 2 a s) + n (2 h + a s) for each block, with dropout, of which
                 c n h stays with recomputation, besides one block
                 4 n 3 h for the embeddings, 4 m (2 V + 4 h) for the masked-LM head
                 of a T5: c n (4 h + 4 A + 4 f + 2 a s) and two norms, 4 n 4 h, for each block; in
                 the decoder, of m tokens of targets, also c m (2 h + 2 A + 2 a s) + c n 2 A and a
                 norm; 4 m (2 V + 4 h) for the head

P parameters, n tokens and m predictions of a micro-batch of sequences of s tokens, h the hidden and
f the intermediate width, a heads, A their width together, V words, c bytes of a number in the
precision.

Source: activations of a block: Korthikanti et al. 2022 (arXiv 2205.05198), equation 1, which has
f = 4 h and c = 2.
"""

from __future__ import annotations

import dataclasses

from models import BertConfig
from models.t5 import T5Config


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
    config: BertConfig | T5Config,
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
      micro_batch: sequences, tokens and predictions of each; of a T5 tokens of its target.
      num_micro_batches: of a step on this device.
      precision: of the layers, a key of `precision.POLICIES`.
      recompute: whether the backward pass computes blocks again.
    """
    half = precision != "float32"
    number = 2 if half else 4
    if isinstance(config, T5Config):
        activations = _of_t5(config, micro_batch, number)
    else:
        activations = _of_bert(config, micro_batch, number, recompute)
    return MemoryEstimate(
        weights=(6 if half else 4) * num_parameters,
        gradients=(8 if num_micro_batches > 1 else 4) * num_parameters,
        optimizer=optimizer_bytes,
        activations=activations,
    )


def _of_bert(
    config: BertConfig, micro_batch: tuple[int, int, int], number: int, recompute: bool
) -> int:
    num_sequences, seq_len, num_predictions = micro_batch
    tokens, predictions = num_sequences * seq_len, num_sequences * num_predictions
    width, scores = config.hidden_dim, config.num_heads * seq_len
    block = number * tokens * (8 * width + 2 * config.intermediate_dim + 2 * scores)
    if config.dropout or config.attention_dropout:
        block += tokens * (2 * width + scores)
    blocks = config.num_layers * block
    if recompute:
        blocks = config.num_layers * number * tokens * width + block
    embeddings = 4 * tokens * 3 * width
    head = 4 * predictions * (2 * config.vocab_size + 4 * width)
    return blocks + embeddings + head


def _of_t5(config: T5Config, micro_batch: tuple[int, int, int], number: int) -> int:
    num_sequences, seq_len, target_len = micro_batch
    tokens, targets = num_sequences * seq_len, num_sequences * target_len
    width, heads = config.hidden_dim, config.num_heads * config.head_dim

    def block(rows: int, length: int) -> int:
        scores = config.num_heads * length
        kept = 4 * width + 4 * heads + 4 * config.intermediate_dim + 2 * scores
        return rows * (number * kept + 4 * 4 * width)

    across = targets * (number * (2 * width + 2 * heads + 2 * config.num_heads * seq_len))
    across += number * tokens * 2 * heads + targets * 4 * 2 * width
    encoder = config.num_layers * block(tokens, seq_len)
    decoder = config.num_decoder_layers * (block(targets, target_len) + across)
    return encoder + decoder + 4 * targets * (2 * config.vocab_size + 4 * width)
