import pathlib
import sys

from pipeline.lab.train_speed import contestants

PYTHONS = {
    "keras_hub": "/peers/keras_hub/python",
    "hf_tf": "/peers/hf_tf/python",
    "hf_torch": "/peers/hf_torch/python",
}


def _all(**changes):
    settings = {"baseline": None, "pythons": PYTHONS, "with_helped": False, "with_mnemosyne": False}
    return contestants.contestants(**settings | changes)


def test_ours_comes_first_and_peers_have_their_own_python():
    assert [(each.name, each.python) for each in _all()] == [
        ("mnemosyne", sys.executable),
        ("keras-hub", "/peers/keras_hub/python"),
        ("Hugging Face TF", "/peers/hf_tf/python"),
        ("Hugging Face PyTorch", "/peers/hf_torch/python"),
    ]


def test_every_program_exists():
    everything = _all(pythons=dict.fromkeys(contestants.PEERS, "python"), with_mnemosyne=True)
    for each in [contestants.matrix_products(), *everything]:
        assert pathlib.Path(each.program).is_file()


def test_helped_variants_follow_but_not_of_another_optimizer():
    names = [(each.name, each.helped) for each in _all(with_helped=True, with_mnemosyne=True)]
    assert names == [
        ("mnemosyne", False),
        ("mnemosyne, its own optimizer", False),
        ("keras-hub", False),
        ("Hugging Face TF", False),
        ("Hugging Face PyTorch", False),
        ("mnemosyne, helped", True),
        ("keras-hub, helped", True),
        ("Hugging Face TF, helped", True),
        ("Hugging Face PyTorch, helped", True),
    ]


def test_baseline_imports_from_its_checkout_and_brings_its_own_program(tmp_path):
    older = tmp_path / "older"
    newer = tmp_path / "newer"
    own = newer / "pipeline" / "lab" / "train_speed" / "programs" / "mnemosyne_bert.py"
    own.parent.mkdir(parents=True)
    own.write_text("")
    (ours, of_older), (_, of_newer) = (
        _all(baseline=str(root), pythons={}) for root in (older, newer)
    )
    assert (of_older.python_path, of_older.program) == (str(older), ours.program)
    assert (of_newer.python_path, of_newer.program) == (str(newer), str(own))
