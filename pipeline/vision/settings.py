"""The settings of `mnemosyne vit`: one frozen and checked dataclass, which is also its flags."""

from __future__ import annotations

import dataclasses

from data_prep.images.settings import PILLOW_REFUSES, PILLOW_WARNS
from data_prep.settings import setting
from pipeline.optimizers.table import MNEMOSYNE
from pipeline.recipes.sections import OPTIMIZERS, OptimizerConfig

PROBE, WHOLE, LAYER_DECAY = "probe", "whole", "layer_decay"
MODES = (PROBE, WHOLE, LAYER_DECAY)
NONE, CROP, FLIP, COLOUR = "none", "crop", "flip", "colour"
AUGMENTATIONS = (NONE, CROP, FLIP, COLOUR)
PRECISIONS = ("float32", "bfloat16")
# Those of `models.vit.SIZES`, which cannot be imported without TensorFlow.
SIZES = ("Ti/16", "S/16", "B/16", "L/16", "H/14", "H/14-36", "S/14")
DEFAULT_SIZE, DEFAULT_LAYER_DECAY = "Ti/16", 0.75
# Seeds are given to TensorFlow as int32.
_SEEDS = 2**31
# An optimizer whose state is tied to the weights that it left behind.
_NO_LAYER_DECAY = ("schedule_free_adamw",)


@dataclasses.dataclass(frozen=True)
class VisionSettings:
    """What decides the result, besides images and weights.

    Raises:
      ValueError: a number is out of its range, or a setting has no effect.
    """

    mode: str = setting(
        WHOLE,
        "probe: the encoder stays as it is, and a linear layer learns from its outputs; whole: "
        "everything is trained; layer_decay: everything, earlier layers in smaller steps",
        choices=MODES,
    )
    optimizer: str = setting(
        MNEMOSYNE.name, "as optimizer.name in a recipe; mnemosyne needs no rate", choices=OPTIMIZERS
    )
    learning_rate: float | None = setting(
        None, "peak rate; for mnemosyne a multiplier of its built-in rates (1.0), others need one"
    )
    num_train_epochs: int = setting(10, "passes over the training images")
    batch_size: int = setting(64, "images per step; every step has exactly so many")
    resolution: int | None = setting(
        None,
        "pixels of a side that the model is given, a multiple of its patch (default: the largest "
        "one up to 224 and up to what the weights were trained on)",
    )
    augmentation: str = setting(
        "",
        "crop: a random part, resized; flip: crop, and mirrored; colour: flip, and brightness, "
        "contrast and saturation changed (default: none for probe, crop where mirrored images "
        "mean something else, else flip)",
        choices=("", *AUGMENTATIONS),
    )
    layer_decay: float | None = setting(
        None,
        f"with mode layer_decay: steps of a layer over the next's (default {DEFAULT_LAYER_DECAY})",
    )
    weight_decay: float = setting(0.01, "decoupled weight decay of matrices; not of mnemosyne")
    warmup_fraction: float = setting(
        0.1, "fraction of the steps with a rising rate; not of mnemosyne"
    )
    dropout: float = setting(0.0, "fraction of hidden units and attention weights dropped")
    size: str | None = setting(
        None, f"of a model without --weights (default {DEFAULT_SIZE})", choices=SIZES
    )
    patch_size: int | None = setting(None, "of a model without --weights (default: of its size)")
    precision: str = setting("float32", "that layers compute in", choices=PRECISIONS)
    recompute: bool = setting(False, "save memory: compute blocks again in the backward pass")
    heldout_fraction: float | None = setting(
        None,
        "of the images of each class to judge by, where the folder has no 'test' (default 0.2)",
    )
    max_train_images: int = setting(0, "at most so many, drawn with the seed; 0 takes all")
    max_heldout_images: int = setting(0, "at most so many, drawn with the seed; 0 takes all")
    max_pixels: int | None = setting(
        None,
        "an image file with more is not decoded but rejected, by its header (default "
        f"{PILLOW_WARNS})",
    )
    seed: int = setting(0, "decides order, crops, dropout, new weights and what is drawn")

    def __post_init__(self) -> None:
        for name in ("num_train_epochs", "batch_size", "resolution", "patch_size", "max_pixels"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"--{name}: expected more than 0, received {value}")
        for name in ("seed", "max_train_images", "max_heldout_images", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"--{name}: expected 0 or more, received {getattr(self, name)}")
        if self.seed >= _SEEDS:
            raise ValueError(f"--seed: expected less than {_SEEDS:,}, received {self.seed:,}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"--dropout: expected 0 to below 1, received {self.dropout}")
        if self.heldout_fraction is not None and not 0 < self.heldout_fraction < 1:
            raise ValueError(
                f"--heldout_fraction: expected more than 0 and less than 1, since every class "
                f"needs images to judge by, received {self.heldout_fraction}"
            )
        if self.layer_decay is not None and not 0 < self.layer_decay <= 1:
            raise ValueError(f"--layer_decay: expected 0 to 1, received {self.layer_decay}")
        if self.max_pixels is not None and self.max_pixels > PILLOW_REFUSES:
            raise ValueError(
                f"--max_pixels: expected at most {PILLOW_REFUSES:,}, Pillow's own limit, received "
                f"{self.max_pixels:,}"
            )
        self._refuse_what_its_mode_has_no_use_for()
        if self.mode == LAYER_DECAY and self.optimizer in _NO_LAYER_DECAY:
            raise ValueError(
                f"--mode {LAYER_DECAY}: expected another optimizer than {self.optimizer}, whose "
                "average would not follow the smaller steps"
            )
        self.optimizer_config()

    def _refuse_what_its_mode_has_no_use_for(self) -> None:
        if self.mode == PROBE and self.augmentation not in ("", NONE):
            raise ValueError(
                f"--augmentation: expected none with --mode probe, whose encoder sees every image "
                f"once, received {self.augmentation}"
            )
        for name in ("dropout", "recompute"):
            if self.mode == PROBE and (value := getattr(self, name)):
                raise ValueError(
                    f"--{name}: expected none with --mode probe, whose encoder is not trained, "
                    f"received {value}"
                )
        if self.mode != LAYER_DECAY and self.layer_decay is not None:
            raise ValueError(
                f"--layer_decay: expected none with --mode {self.mode}, received {self.layer_decay}"
            )

    def optimizer_config(self) -> OptimizerConfig:
        """The optimizer, as a recipe would describe it.

        Raises:
          ValueError: a setting has no effect on this optimizer, or it needs a rate.
        """
        return OptimizerConfig(
            name=self.optimizer,
            learning_rate=self.learning_rate,
            warmup_fraction=self.warmup_fraction,
            weight_decay=self.weight_decay,
        )

    def steps_per_epoch(self, num_images: int) -> int:
        """Whole batches in a pass over the images; at least one."""
        return max(1, num_images // self.batch_size)
