"""The architecture of a T5: its settings and its sizes, published ones but for `mini`."""

from __future__ import annotations

import dataclasses

VOCAB_SIZE = 32_128  # of the published models: 32,000 pieces, 100 sentinels, and padding
_SIZES = {
    # name: (hidden_dim, intermediate_dim, num_layers, num_heads)
    "mini": (256, 512, 4, 4),  # ours: the width and depth of BERT-mini in each stack
    "small": (512, 1024, 8, 6),
    "base": (768, 2048, 12, 12),
    "large": (1024, 2816, 24, 16),
    "xl": (2048, 5120, 24, 32),
    "xxl": (4096, 10240, 24, 64),
}


@dataclasses.dataclass(frozen=True)
class T5Config:
    """The architecture of a T5 1.1.

    Args:
      vocab_size: the number of word pieces, with those that no tokenizer gives.
      hidden_dim: the width of the hidden states.
      intermediate_dim: the width of the feed-forward layer.
      num_layers: the number of blocks of the encoder.
      num_decoder_layers: of the decoder; None for as many.
      num_heads: the number of attention heads per block.
      head_dim: the width of a head; all together need not be as wide as the hidden states.
      num_buckets: the number of ranges of distances, see `relative_positions`.
      max_distance: from here on all distances are one.
      layer_norm_epsilon: what every norm adds to the mean square.

    Raises:
      ValueError: a size is not positive, or the buckets are no multiple of 4.

    Source: Raffel et al. 2020 (T5), section 2.1; Shazeer 2020 (gated GELU); the sizes of
    google/t5-v1_1-{small,base,large,xl,xxl}.
    """

    vocab_size: int
    hidden_dim: int
    intermediate_dim: int
    num_layers: int
    num_heads: int
    num_decoder_layers: int | None = None
    head_dim: int = 64
    num_buckets: int = 32
    max_distance: int = 128
    layer_norm_epsilon: float = 1e-6

    def __post_init__(self) -> None:
        if self.num_decoder_layers is None:
            object.__setattr__(self, "num_decoder_layers", self.num_layers)
        for field in dataclasses.fields(self):
            if not getattr(self, field.name) > 0:
                value = getattr(self, field.name)
                raise ValueError(f"{field.name} must be positive, received {value}.")
        if self.num_buckets % 4 or self.max_distance <= self.num_buckets // 2:
            raise ValueError(
                "num_buckets must be a multiple of 4, and max_distance more than half of it; "
                f"received {self.num_buckets} and {self.max_distance}."
            )

    @classmethod
    def named(cls, size: str, *, vocab_size: int = VOCAB_SIZE, **overrides) -> T5Config:
        """Returns a size by its name.

        Args:
          size: one of mini (10 million weights with 8,192 words), and of the published ones: small
            (77), base (248), large (783), xl (2,850) and xxl (11,135).
          vocab_size: the number of word pieces.
          **overrides: other settings, which replace those of the size.

        Raises:
          ValueError: the size is unknown, or a setting is out of range.
        """
        if size not in _SIZES:
            raise ValueError(f"Unknown T5 size '{size}'. Choose one of: {', '.join(_SIZES)}.")
        names = ("hidden_dim", "intermediate_dim", "num_layers", "num_heads")
        settings = dict(zip(names, _SIZES[size], strict=True)) | overrides
        return cls(vocab_size=vocab_size, **settings)
