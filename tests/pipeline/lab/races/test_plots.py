import math

import matplotlib
import pytest

from pipeline.lab.races import plots
from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.runs_file import Curve
from pipeline.lab.races.tasks.task import Task


@pytest.fixture
def texts(tmp_path):
    """Returns `texts(plateau)`: the SVG of a comparison of three, whose words can be searched."""

    def curve(*losses):
        return Curve([10, 20], [1.0, 2.0], [1.0, 2.0], list(losses), [0.1, 0.2])

    curves = {
        "adamw": {1e-3: [curve(5.9, 5.5)], 2e-3: [curve(5.9, 5.4)], 4e-3: [curve(6.0, math.nan)]},
        "sgd": {0.1: [curve(6.0, 5.9)]},
        "mnemosyne": {1.0: [curve(5.5, 5.2), curve(5.4, 5.1)]},
    }

    def draw(plateau):
        path = tmp_path / "race.svg"
        with matplotlib.rc_context({"svg.fonttype": "none"}):
            plots.draw([Outcome(Task("bert", None, None, 8, 10, 2), curves, plateau)], path)
        return path.read_text()

    return draw


def test_the_plateau_stands_in_the_picture_with_what_it_means(texts):
    picture = texts(6.0)
    assert picture.count(">plateau<") == 1  # in the legend; the line is in two panels
    assert "counts: AdamW ends 0.60 nats below the plateau of 6.000" in picture


def test_without_a_plateau_none_is_drawn(texts):
    assert "plateau" not in texts(None)


def test_bars_are_fractions_of_adamws_steps_and_say_who_never_got_there(texts):
    """The mean of ours was 5.45 at the first evaluation and AdamW's 5.4 a sixth of the way on."""
    picture = texts(6.0)
    assert "> 1.00<" in picture and "> never<" in picture and "> 0.58<" in picture
    assert all(f">{name}<" in picture for name in ("adamw", "sgd", "mnemosyne"))
