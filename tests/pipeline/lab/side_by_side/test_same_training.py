import pytest

from pipeline.lab.side_by_side.same_training import check_same_training

HIDDEN_DIM = 8  # a dense layer of this width has 8 x 9 = 72 weights


def _ready(parameters=1000, first_loss=4.6):
    return {"parameters": parameters, "first_loss": first_loss}


def test_a_model_may_lack_a_pooler():
    ready = {"mnemosyne": _ready(), "peer": _ready(1000 - 72)}
    check_same_training(ready, hidden_dim=HIDDEN_DIM)


@pytest.mark.parametrize("parameters", [1000 - 73, 1000 + 73])
def test_another_model_is_refused(parameters):
    ready = {"mnemosyne": _ready(), "peer": _ready(parameters)}
    with pytest.raises(ValueError, match=r"peer has .* weights, expected our 1,000"):
        check_same_training(ready, hidden_dim=HIDDEN_DIM)


@pytest.mark.parametrize("first_loss", [4.0, 5.2, float("nan")])
def test_another_loss_is_refused(first_loss):
    ready = {"mnemosyne": _ready(), "peer": _ready(first_loss=first_loss)}
    with pytest.raises(ValueError, match=r"peer begins with a loss of .* near our 4.600"):
        check_same_training(ready, hidden_dim=HIDDEN_DIM)
