"""The architecture of a vision transformer: its settings and its published sizes."""

from __future__ import annotations

import dataclasses
import math
from types import MappingProxyType

from models.bert_config import GELU_FORMS

CLASS_TOKEN, CLASS_TOKEN_AND_MEAN = "class_token", "class_token_and_mean"
POOLINGS = (CLASS_TOKEN, CLASS_TOKEN_AND_MEAN)

# DINOv2 was trained at 518 pixels, began its layer scales at 1e-5 (1.0 in later releases; what is
# loaded replaces it) and is read out by class token and mean.
_DINOV2 = {"image_size": 518, "layer_scale": 1.0, "pooling": CLASS_TOKEN_AND_MEAN}
_COLUMNS = ("patch_size", "num_layers", "hidden_dim", "num_heads", "intermediate_dim")
_ROWS = {
    # name: patch, layers, width, heads, feed-forward width
    "Ti/16": (16, 12, 192, 3, 768),
    "S/16": (16, 12, 384, 6, 1536),
    "B/16": (16, 12, 768, 12, 3072),
    "L/16": (16, 24, 1024, 16, 4096),
    "H/14": (14, 32, 1280, 16, 5120),
    # What the Mnemosyne paper fine-tunes and calls ViT-H: 36 layers, 16 heads.
    "H/14-36": (14, 36, 1280, 16, 5120),
    "S/14": (14, 12, 384, 6, 1536),
}
# Name of a size: its settings, those that differ from the defaults of `ViTConfig`.
SIZES = MappingProxyType(
    {
        name: dict(zip(_COLUMNS, row, strict=True)) | (_DINOV2 if name == "S/14" else {})
        for name, row in _ROWS.items()
    }
)


@dataclasses.dataclass(frozen=True)
class ViTConfig:
    """The architecture of a vision transformer.

    Args:
      patch_size: the side of a patch, in pixels.
      hidden_dim: the width of the hidden states; a multiple of `num_heads`.
      num_layers: the number of transformer blocks.
      num_heads: the number of attention heads per block.
      intermediate_dim: the width of the feed-forward layer.
      image_size: the side of the square images that the table of positions is made for, in pixels;
        a multiple of `patch_size`. Images of other sizes interpolate it.
      channels: of the images.
      dropout: the probability in [0, 1) of dropping a hidden unit.
      attention_dropout: the probability in [0, 1) of dropping an attention weight.
      initializer_range: the standard deviation of the truncated normal initializer.
      hidden_act: the activation, a key of `GELU_FORMS`.
      layer_norm_epsilon: what every layer norm adds to the variance.
      layer_scale: the initial value of the gains on what a block adds; None for no such gains.
      pooling: what the head reads: "class_token", or "class_token_and_mean", the class token and
        the mean of the patches side by side.

    Raises:
      ValueError: a setting is out of range, or two of them do not fit.

    Source: Dosovitskiy et al. 2021 (arXiv 2010.11929), table 1; Ti and S: Touvron et al. 2021
    (arXiv 2012.12877); layer scale: Touvron et al. 2021 (arXiv 2103.17239); S/14: Oquab et al. 2023
    (arXiv 2304.07193); 36 layers: Jain et al. 2023 (arXiv 2302.01128).
    """

    patch_size: int
    hidden_dim: int
    num_layers: int
    num_heads: int
    intermediate_dim: int
    image_size: int = 224
    channels: int = 3
    dropout: float = 0.0
    attention_dropout: float = 0.0
    initializer_range: float = 0.02
    hidden_act: str = "gelu"
    layer_norm_epsilon: float = 1e-6
    layer_scale: float | None = None
    pooling: str = CLASS_TOKEN

    def __post_init__(self) -> None:
        for name in (*_COLUMNS, "image_size", "channels", "initializer_range"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, received {getattr(self, name)}.")
        for name in ("dropout", "attention_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must lie in [0, 1), received {getattr(self, name)}.")
        for name, known in (("hidden_act", GELU_FORMS), ("pooling", POOLINGS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, received {getattr(self, name)}."
                )
        for name, unit in (("hidden_dim", "num_heads"), ("image_size", "patch_size")):
            if getattr(self, name) % getattr(self, unit):
                raise ValueError(
                    f"{name} must be a multiple of {unit}, received {getattr(self, name)} and "
                    f"{getattr(self, unit)}. Change one of them."
                )

    @property
    def gelu_form(self) -> str:
        """The form of the activation, "erf" or "tanh"."""
        return GELU_FORMS[self.hidden_act]

    @property
    def grid(self) -> int:
        """Patches on a side of the table of positions."""
        return self.image_size // self.patch_size

    @property
    def pooled_dim(self) -> int:
        """The width of what the head reads."""
        return self.hidden_dim * (1 if self.pooling == CLASS_TOKEN else 2)

    def num_tokens(self, height: int, width: int) -> int:
        """Returns the tokens of an image of so many pixels, the class token among them."""
        return 1 + math.prod(self.patches(height, width))

    def patches(self, height: int, width: int) -> tuple[int, int]:
        """Returns rows and columns of patches.

        Raises:
          ValueError: a side is no multiple of the patch.
        """
        if height % self.patch_size or width % self.patch_size or min(height, width) < 1:
            raise ValueError(
                f"The sides of an image must be multiples of patch_size={self.patch_size}, "
                f"received {height} x {width} pixels. Resize the images."
            )
        return height // self.patch_size, width // self.patch_size

    @classmethod
    def named(cls, size: str, **overrides) -> ViTConfig:
        """Returns a published size.

        Args:
          size: a key of `SIZES`.
          **overrides: other settings of `ViTConfig`, which replace those of the size.

        Raises:
          ValueError: the size is unknown, or a setting is out of range.
        """
        if size not in SIZES:
            raise ValueError(f"Unknown ViT size '{size}'. Choose one of: {', '.join(SIZES)}.")
        return cls(**{**SIZES[size], **overrides})
