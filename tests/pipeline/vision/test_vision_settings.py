import pytest

from models.vit import SIZES as MODEL_SIZES
from pipeline.vision.settings import SIZES, VisionSettings


def test_sizes_are_those_of_the_model():
    assert set(SIZES) == set(MODEL_SIZES)


def test_mnemosyne_needs_nothing_set():
    assert VisionSettings().optimizer_config().name == "mnemosyne"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"optimizer": "adamw"}, "optimizer.learning_rate must be given"),
        ({"weight_decay": 0.1}, "optimizer.weight_decay does nothing for mnemosyne"),
        ({"mode": "probe", "augmentation": "flip"}, "--augmentation: expected none"),
        ({"batch_size": 0}, "--batch_size: expected more than 0"),
        ({"mode": "layer_decay", "layer_decay": 1.5}, "--layer_decay: expected 0 to 1"),
        ({"layer_decay": 0.5}, "--layer_decay: expected none with --mode whole"),
        ({"mode": "probe", "layer_decay": 0.5}, "--layer_decay: expected none with --mode probe"),
        ({"mode": "probe", "dropout": 0.1}, "--dropout: expected none with --mode probe"),
        ({"mode": "probe", "recompute": True}, "--recompute: expected none with --mode probe"),
        ({"heldout_fraction": 1.0}, "--heldout_fraction: expected more than 0 and less than 1"),
        ({"heldout_fraction": 0.0}, "--heldout_fraction: expected more than 0 and less than 1"),
        ({"seed": 2**31}, "--seed: expected less than 2,147,483,648, received 2,147,483,648"),
        ({"max_pixels": 10**9}, "--max_pixels: expected at most 178,956,970"),
        (
            {"mode": "layer_decay", "optimizer": "schedule_free_adamw", "learning_rate": 1e-3},
            "expected another optimizer than schedule_free_adamw",
        ),
    ],
)
def test_a_setting_out_of_range_or_without_effect_is_refused(changed, named):
    with pytest.raises(ValueError, match=named):
        VisionSettings(**changed)
