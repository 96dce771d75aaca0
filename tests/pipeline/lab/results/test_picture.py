import matplotlib
import pytest

from pipeline.lab.results import picture
from pipeline.lab.results.outcomes import outcomes_of


def test_the_legend_names_what_was_run(runs, tmp_path):
    path = tmp_path / "curves.svg"
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        picture.save(str(path), [outcome for _, outcome in outcomes_of(runs)])
    text = path.read_text()
    assert ">Mnemosyne, untuned<" in text and ">AdamW, best of its rates<" in text
    assert ">unigram loss<" in text and "Muon" not in text


def test_without_runs_of_a_bert_it_says_so(tmp_path):
    with pytest.raises(ValueError, match="--plot: expected runs of some BERT, received none"):
        picture.save(str(tmp_path / "curves.svg"), [])
