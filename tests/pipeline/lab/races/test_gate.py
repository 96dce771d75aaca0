import pytest

from mnemosyne_tf import LSTMParams
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.optimizer import Mnemosyne
from pipeline.commands import bench
from pipeline.lab.races import contestants, gate
from pipeline.lab.races.settings import RaceSettings


def test_a_candidate_is_required_before_anything_runs(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.main(["gate", f"--runs={tmp_path}"])
    assert "--candidate" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="nothing.npz"):
        bench.main(["gate", "--candidate", str(tmp_path / "nothing.npz")])
    LSTMParams.untrained().save(tmp_path / "lstm.npz")
    with pytest.raises(ValueError, match="expected meta-parameters of Mnemosyne, received lstm:"):
        gate.run(RaceSettings(), meta_params=str(tmp_path / "lstm.npz"))


def test_adamw_the_swept_rule_the_set_to_beat_and_the_candidate_are_compared():
    candidate = contestants.candidate("new.npz")
    names = [each.name for each in gate.gate_contestants(candidate)]
    assert names == ["adamw", "nominal", "mnemosyne", "mnemosyne:new.npz"]
    assert gate.gate_contestants(candidate, "nominal")[2].name == "mnemosyne:nominal"


def test_nothing_is_judged_against_itself(tmp_path):
    released, other = tmp_path / "same.npz", tmp_path / "other.npz"
    Mnemosyne().meta_params.save(released)
    MetaParams.nominal().save(other)
    gate.check_they_differ(str(released), "nominal")
    gate.check_they_differ(str(other), None)
    for candidate, against in ((released, None), (other, "nominal"), (other, str(other))):
        with pytest.raises(ValueError, match="expected another set than the one to beat"):
            gate.check_they_differ(str(candidate), against)
