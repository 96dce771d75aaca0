import pytest
import tensorflow as tf

from mnemosyne_tf import LSTMParams, LSTMStructure, MetaParams, Mnemosyne, Structure
from pipeline.lab.races import contestants
from pipeline.lab.races.contestants import CONTESTANTS, next_rate


def make(name, rate=1.0):
    return CONTESTANTS[name].make(rate, 77, 7)


def test_baselines_are_swept_over_six_rates_and_mnemosyne_over_none():
    untuned = {name for name, each in CONTESTANTS.items() if not each.is_swept}
    assert untuned - {"schedule_free_adamw()"} == {
        name for name, each in CONTESTANTS.items() if each.is_mnemosyne and name != "nominal"
    }
    assert {len(each.rates) for each in CONTESTANTS.values()} == {1, 6}
    assert all(name == each.name for name, each in CONTESTANTS.items())


def test_without_steps_and_labels_mnemosyne_has_its_defaults():
    known, bare = (make(name) for name in ("mnemosyne", "mnemosyne()"))
    for name, given in (("total_steps", 77), ("labels_per_step", 7)):
        assert (known.get_config()[name], bare.get_config()[name]) == (given, None)
    assert bare.get_config()["learning_rate"] == Mnemosyne().get_config()["learning_rate"]


@pytest.mark.parametrize(
    ("ablation", "changed"),
    [("without_orthogonalisation", "orthogonalise"), ("without_memory", "meta_params")],
)
def test_ablations_change_one_thing(ablation, changed):
    whole, part = (make(name).get_config() for name in ("mnemosyne", ablation))
    assert {name for name in whole if whole[name] != part[name]} == {changed}


def test_ablations_without_effect_are_not_compared(monkeypatch):
    learned = {"without_heads", "without_tokens", "without_memory", "without_encoder"}
    released = Mnemosyne()
    assert {*CONTESTANTS} - {each.name for each in contestants.all_that_differ()} == learned
    released.meta_params.values["step_head/bias"] += 0.1
    monkeypatch.setattr(contestants, "Mnemosyne", lambda: released)
    assert contestants.all_that_differ() == [*CONTESTANTS.values()]


def test_contestants_are_chosen_by_name_in_the_order_of_the_table():
    chosen = contestants.named(["mnemosyne", "adamw"])
    assert [each.name for each in chosen] == ["adamw", "mnemosyne"]
    with pytest.raises(ValueError, match="--optimizers: expected some of adamw, .*received adam."):
        contestants.named(["adam"])


def test_schedule_free_as_published_has_no_decay_no_warm_up_and_no_clipping():
    config = make("schedule_free_adamw()", 2.5e-3).get_config()
    assert config["learning_rate"] == pytest.approx(2.5e-3)
    assert (config["weight_decay"], config["global_clipnorm"]) == (None, None)
    assert (config["beta_1"], config["beta_2"], config["epsilon"]) == (0.9, 0.999, 1e-8)


def test_adamw_is_compared_with_mnemosynes_second_moment_decay_too():
    plain, short = (make(name, 1e-3) for name in ("adamw", "adamw(beta_2=0.95)"))
    before, after = plain.get_config(), short.get_config()
    changed = {name for name in before if name != "learning_rate" and before[name] != after[name]}
    assert changed == {"beta_2"}
    decay = float(MetaParams.nominal().values["rule/second_moment_decay"])
    assert after["beta_2"] == pytest.approx(decay)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_a_baseline_with_mnemosynes_roles_differs_in_nothing_else(name):
    plain, by_role = (make(each, 1e-3).get_config() for each in (name, f"{name}(roles)"))
    plain, by_role = ({**each, "learning_rate": None} for each in (plain, by_role))
    assert {key for key in plain if plain[key] != by_role[key]} == {"role_rates", "role_horizons"}
    assert by_role["role_rates"] == {"feed-forward in": 0.5, "feed-forward out": 0.5}
    assert by_role["role_horizons"] == {"position table": 10.0}


@pytest.mark.parametrize("name", CONTESTANTS)
def test_every_optimizer_follows_a_rate_that_is_a_variable(name):
    """So that one compiled program serves a whole sweep."""
    rate = tf.Variable(1e-3)
    optimizer = make(name, rate)
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
def test_a_fully_learned_file_has_neither_schedule_nor_weight_decay(
    tmp_path, request, params, kind
):
    params.save(tmp_path / "new.npz")
    candidate = contestants.load_candidate(str(tmp_path / "new.npz"))
    assert candidate.name == f"{request.node.callspec.id}:{tmp_path / 'new.npz'}"
    assert not candidate.is_swept
    optimizer = candidate.make(1.0, 77, 7)
    assert type(optimizer).__name__ == kind
    assert optimizer.meta_params.fingerprint() == params.fingerprint()
    assert optimizer.get_config().get("total_steps") is None
    assert not optimizer.get_config()["weight_decay"]


def test_a_file_that_is_no_candidate_is_refused(tmp_path):
    (tmp_path / "new.npz").write_text("no archive")
    with pytest.raises(ValueError, match="--candidate: .*MetaParams.save.*LSTMParams.save"):
        contestants.load_candidate(str(tmp_path / "new.npz"))


def test_a_file_is_compared_as_mnemosyne_with_its_meta_parameters(tmp_path):
    nominal = MetaParams.nominal()
    values = {**nominal.values, "rule/matrix_rate": 0.02}
    changed = MetaParams(nominal.structure, values)
    changed.save(tmp_path / "new.npz")
    candidate = contestants.candidate(str(tmp_path / "new.npz"))
    assert candidate.is_mnemosyne and not candidate.is_swept
    optimizer = candidate.make(1.0, 77, 7)
    assert optimizer.meta_params.fingerprint() == changed.fingerprint()
    assert optimizer.get_config()["total_steps"] == 77


def test_variant_is_mnemosyne_with_other_arguments_on_the_run():
    variant = contestants.variant("role_rates: {position table: 8}")
    assert variant.name == 'mnemosyne("role_rates": {"position table": 8})'
    assert variant.is_mnemosyne and not variant.is_swept
    optimizer = variant.make(1.0, 77, 7)
    assert optimizer.meta_params.values["rule/role_rate/position_table"] == 8.0
    assert optimizer.get_config()["total_steps"] == 77


@pytest.mark.parametrize("arguments", ["nesterov", "{", "no_such: 1", "role_rates: {kernel: 2}"])
def test_arguments_that_mnemosyne_does_not_have_are_refused(arguments):
    with pytest.raises(ValueError, match="--variant: expected arguments of Mnemosyne as YAML"):
        contestants.variant(arguments)
