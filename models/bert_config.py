"""The architecture of a BERT: its settings, its published sizes, and `bert_config.json`."""

from __future__ import annotations

import dataclasses
import json
import os

_SIZES = {
    # name: (num_layers, hidden_dim, num_heads, intermediate_dim)
    "tiny": (2, 128, 2, 512),
    "mini": (4, 256, 4, 1024),
    "small": (4, 512, 8, 2048),
    "medium": (8, 512, 8, 2048),
    "base": (12, 768, 12, 3072),
    "large": (24, 1024, 16, 4096),
}


# Hugging Face's name of a GELU: its form, see `models.fused.activation`.
GELU_FORMS = {"gelu": "erf", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """The architecture of a BERT.

    Args:
      vocab_size: the number of word pieces.
      hidden_dim: the width of the hidden states; a multiple of `num_heads`.
      num_layers: the number of transformer blocks.
      num_heads: the number of attention heads per block.
      intermediate_dim: the width of the feed-forward layer.
      max_position_embeddings: the length of the longest sequence, in tokens.
      type_vocab_size: the number of segments.
      dropout: the probability in [0, 1) of dropping a hidden unit.
      attention_dropout: the probability in [0, 1) of dropping an attention weight.
      initializer_range: the standard deviation of the truncated normal initializer.
      hidden_act: the activation, a key of `GELU_FORMS`: "gelu" is the exact one, of PyTorch's
        checkpoints; the two others are the tanh form, of Google's.
      layer_norm_epsilon: what every layer norm adds to the variance.

    Raises:
      ValueError: a size is not positive, a probability lies outside [0, 1), the activation is
        unknown, or `hidden_dim` is not a multiple of `num_heads`.

    Source: Devlin et al. 2019, section 3; the small sizes are those of Turc et al. 2019.
    """

    vocab_size: int
    hidden_dim: int
    num_layers: int
    num_heads: int
    intermediate_dim: int
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    dropout: float = 0.1
    attention_dropout: float = 0.1
    initializer_range: float = 0.02
    hidden_act: str = "gelu_new"
    layer_norm_epsilon: float = 1e-12

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in ("dropout", "attention_dropout"):
                if not 0.0 <= value < 1.0:
                    raise ValueError(f"{field.name} must lie in [0, 1), received {value}.")
            elif field.name == "hidden_act":
                if value not in GELU_FORMS:
                    raise ValueError(
                        f"hidden_act must be one of {', '.join(GELU_FORMS)}, received {value}."
                    )
            elif value <= 0:
                raise ValueError(f"{field.name} must be positive, received {value}.")
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                f"hidden_dim must be a multiple of num_heads, received hidden_dim="
                f"{self.hidden_dim} and num_heads={self.num_heads}. Change one of them."
            )

    @property
    def gelu_form(self) -> str:
        """The form of the activation, "erf" or "tanh"."""
        return GELU_FORMS[self.hidden_act]

    @classmethod
    def named(cls, size: str, *, vocab_size: int, **overrides) -> BertConfig:
        """Returns a published size.

        Args:
          size: one of tiny, mini, small, medium, base and large.
          vocab_size: the number of word pieces.
          **overrides: other settings of `BertConfig`, which replace those of the size.

        Raises:
          ValueError: the size is unknown, or a setting is out of range.
        """
        if size not in _SIZES:
            raise ValueError(f"Unknown BERT size '{size}'. Choose one of: {', '.join(_SIZES)}.")
        num_layers, hidden_dim, num_heads, intermediate_dim = _SIZES[size]
        settings = {
            "num_layers": num_layers,
            "hidden_dim": hidden_dim,
            "num_heads": num_heads,
            "intermediate_dim": intermediate_dim,
            **overrides,
        }
        return cls(vocab_size=vocab_size, **settings)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the configuration as JSON; a file of that name is replaced in one step."""
        temporary = f"{path}.tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(dataclasses.asdict(self), file, indent=2)
            file.write("\n")
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> BertConfig:
        """Reads a file that `save` wrote.

        Raises:
          ValueError: the file has a key that is no setting, lacks one that has no default, or holds
            a value out of range.
        """
        with open(path, encoding="utf-8") as file:
            settings = json.load(file)
        fields = dataclasses.fields(cls)
        if unknown := sorted(set(settings) - {field.name for field in fields}):
            raise ValueError(
                f"{path} holds keys that BertConfig does not know: {', '.join(unknown)}. "
                f"Expected only: {', '.join(sorted(field.name for field in fields))}."
            )
        required = {field.name for field in fields if field.default is dataclasses.MISSING}
        if missing := sorted(required - set(settings)):
            raise ValueError(f"{path} lacks keys that BertConfig needs: {', '.join(missing)}.")
        return cls(**settings)
