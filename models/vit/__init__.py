"""Vision transformers in Keras 2: patches of an image to a class.

Shapes are given in these words: `[batch, height, width, channels]` of images, `[batch, tokens,
hidden]` of what follows, where tokens are the class token and then the patches, row by row.
"""

from models.vit.classifier import ViTClassifier
from models.vit.config import SIZES, ViTConfig
from models.vit.encoder import ViTEncoder

__all__ = ["SIZES", "ViTClassifier", "ViTConfig", "ViTEncoder"]
