"""T5 1.1, a text-to-text transformer: an encoder, and a decoder that writes the answer."""

from models.t5.config import T5Config
from models.t5.text_to_text import T5

__all__ = ["T5", "T5Config"]
