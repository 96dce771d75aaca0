import pytest

from models.vit import ViTConfig


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"hidden_dim": 190}, "hidden_dim must be a multiple of num_heads"),
        ({"image_size": 225}, "image_size must be a multiple of patch_size"),
        ({"num_layers": 0}, "num_layers must be positive"),
        ({"dropout": 1.0}, "dropout must lie in"),
        ({"pooling": "max"}, "pooling must be one of class_token"),
        ({"hidden_act": "relu"}, "hidden_act must be one of"),
    ],
)
def test_a_setting_out_of_range_is_named(setting, named):
    with pytest.raises(ValueError, match=named):
        ViTConfig.named("Ti/16", **setting)


def test_an_unknown_size_names_the_known_ones():
    with pytest.raises(ValueError, match="Unknown ViT size 'G/14'.*H/14-36"):
        ViTConfig.named("G/14")


def test_images_must_consist_of_whole_patches():
    config = ViTConfig.named("B/16")
    assert config.num_tokens(32, 48) == 1 + 2 * 3
    with pytest.raises(ValueError, match="multiples of patch_size=16, received 30 x 32"):
        config.patches(30, 32)
