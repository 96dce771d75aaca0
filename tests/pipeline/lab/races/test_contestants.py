import pytest
import tensorflow as tf

from mnemosyne_tf import LSTMParams, LSTMStructure, MetaParams, Mnemosyne, Structure
from pipeline.lab.races import contestants
from pipeline.lab.races.contestants import RATES, make_optimizer, next_rate


def test_rivals_are_swept_over_six_rates_and_ours_over_none():
    untuned = {name for name in RATES if not contestants.is_swept(name)}
    assert untuned - {"schedule_free_adamw()"} == {
        name for name in RATES if name.startswith(("mnemosyne", "without"))
    }
    assert {len(rates) for rates in RATES.values()} == {1, 6}


def test_the_six_lines_are_told_nothing():
    told, bare = (make_optimizer(name, 1.0, 77, 7) for name in ("mnemosyne", "mnemosyne()"))
    for name, given in (("total_steps", 77), ("labels_per_step", 7)):
        assert (told.get_config()[name], bare.get_config()[name]) == (given, None)
    assert bare.get_config()["learning_rate"] == Mnemosyne().get_config()["learning_rate"]


@pytest.mark.parametrize(
    ("ablation", "changed"),
    [("without_orthogonalisation", "orthogonalise"), ("without_memory", "meta_params")],
)
def test_ablations_change_one_thing(ablation, changed):
    whole, part = (
        make_optimizer(name, 1.0, 77, 7).get_config() for name in ("mnemosyne", ablation)
    )
    assert {name for name in whole if whole[name] != part[name]} == {changed}


def test_ablations_of_what_is_not_heard_are_not_raced(monkeypatch):
    learned = {"without_heads", "without_memory", "without_encoder"}
    shipped = Mnemosyne()
    assert {*RATES} - {*contestants.all_that_differ()} == learned
    shipped.meta_params.values["step_head/bias"] += 0.1
    monkeypatch.setattr("mnemosyne_tf.Mnemosyne", lambda: shipped)
    assert contestants.all_that_differ() == [*RATES]


def test_schedule_free_as_published_has_no_decay_no_warm_up_and_no_clipping():
    config = make_optimizer("schedule_free_adamw()", 2.5e-3, 77, 7).get_config()
    assert config["learning_rate"] == pytest.approx(2.5e-3)
    assert (config["weight_decay"], config["global_clipnorm"]) == (None, None)
    assert (config["beta_1"], config["beta_2"], config["epsilon"]) == (0.9, 0.999, 1e-8)


def test_adamw_also_races_with_mnemosynes_second_moment_decay():
    plain, short = (make_optimizer(name, 1e-3, 77, 7) for name in ("adamw", "adamw(beta_2=0.95)"))
    before, after = plain.get_config(), short.get_config()
    changed = {name for name in before if name != "learning_rate" and before[name] != after[name]}
    assert changed == {"beta_2"}
    decay = float(MetaParams.nominal().values["rule/second_moment_decay"])
    assert after["beta_2"] == pytest.approx(decay)


@pytest.mark.parametrize("name", RATES)
def test_every_optimizer_follows_a_rate_that_is_a_variable(name):
    """So that one compiled program serves a whole sweep."""
    rate = tf.Variable(1e-3)
    optimizer = make_optimizer(name, rate, 10, 7)
    if not isinstance(optimizer.learning_rate, tf.Variable):
        before = optimizer._learning_rate(0).numpy()
        rate.assign(2e-3)
        assert optimizer._learning_rate(0).numpy() == pytest.approx(2 * before)
    else:
        optimizer.learning_rate.assign(2e-3)
        assert optimizer.learning_rate.numpy() == pytest.approx(2e-3)


def test_a_sweep_goes_on_beyond_the_end_that_is_best():
    assert next_rate([1.0, 2.0, 4.0], 4.0) == 8.0
    assert next_rate([1.0, 2.0, 4.0], 1.0) == 0.5
    assert next_rate([1.0, 2.0, 4.0], 2.0) is None


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        (MetaParams.nominal(Structure(nominal_direction=False)), "Mnemosyne"),
        (LSTMParams.untrained(), "CoordinatewiseLSTM"),
        (LSTMParams.untrained(LSTMStructure(inputs="moments")), "RNNprop"),
    ],
    ids=["mnemosyne", "lstm", "rnnprop"],
)
def test_a_fully_learned_file_races_as_it_was_learned_without_schedule_and_weight_decay(
    tmp_path, request, params, kind
):
    params.save(tmp_path / "new.npz")
    name = contestants.load_candidate(str(tmp_path / "new.npz"))
    assert name == f"{request.node.callspec.id}:{tmp_path / 'new.npz'}"
    assert not contestants.is_swept(name)
    optimizer = make_optimizer(name, 1.0, 77, 7)
    assert type(optimizer).__name__ == kind
    assert optimizer.meta_params.fingerprint() == params.fingerprint()
    assert optimizer.get_config().get("total_steps") is None
    assert not optimizer.get_config()["weight_decay"]


def test_a_file_that_is_no_candidate_is_refused(tmp_path):
    (tmp_path / "new.npz").write_text("no archive")
    with pytest.raises(ValueError, match="--candidate: .*MetaParams.save.*LSTMParams.save"):
        contestants.load_candidate(str(tmp_path / "new.npz"))


def test_a_file_races_as_mnemosyne_with_its_meta_parameters(tmp_path):
    nominal = MetaParams.nominal()
    values = {**nominal.values, "rule/matrix_rate": 0.02}
    changed = MetaParams(nominal.structure, values)
    changed.save(tmp_path / "new.npz")
    name = contestants.candidate(str(tmp_path / "new.npz"))
    assert contestants.is_ours(name) and not contestants.is_swept(name)
    optimizer = make_optimizer(name, 1.0, 77, 7)
    assert optimizer.meta_params.fingerprint() == changed.fingerprint()
    assert optimizer.get_config()["total_steps"] == 77
