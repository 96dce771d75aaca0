"""The released set is what its card describes, and the default of a user."""

import configparser
import pathlib

import numpy as np
import pytest

from mnemosyne_tf import MetaParams, Mnemosyne
from mnemosyne_tf.meta_params import SHIPPED
from mnemosyne_tf.step_size import rule_of_run


def test_who_gives_no_meta_parameters_has_the_set_that_ships():
    shipped = MetaParams.load(SHIPPED)
    assert Mnemosyne().meta_params.fingerprint() == shipped.fingerprint()
    assert MetaParams.resolve("shipped").fingerprint() == shipped.fingerprint()
    assert shipped.fingerprint() != MetaParams.nominal().fingerprint()


def test_card_names_the_fingerprint_and_the_number_that_was_learned():
    shipped = MetaParams.load(SHIPPED)
    card = (SHIPPED.parent / "README.md").read_text(encoding="utf-8")
    assert shipped.fingerprint() in card
    assert f"{float(shipped.values['rule/decay_delay']):.4f}" in card


def test_decay_begins_where_the_card_says():
    """At 160 labels and fewer both sets are one rule, and beyond 1,280 nothing follows them."""
    shipped, nominal = MetaParams.load(SHIPPED).values, MetaParams.nominal().values
    starts = {160: 0.0, 320: 0.36, 640: 0.71, 1280: 0.95, 5120: 0.95}
    for labels, start in starts.items():
        rule = rule_of_run(shipped, labels_per_step=labels, total_steps=900)
        assert float(rule["rule/decay_start"]) == pytest.approx(start, abs=0.005)
    for labels in (None, 32, 160):
        ours, theirs = (
            rule_of_run(values, labels_per_step=labels, total_steps=900)
            for values in (shipped, nominal)
        )
        assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_all_but_the_delay_of_the_decay_is_the_nominal_set():
    """As the recipe `decay_delay` says."""
    shipped, nominal = MetaParams.load(SHIPPED), MetaParams.nominal()
    assert shipped.structure == nominal.structure
    differ = {
        name
        for name, value in nominal.values.items()
        if not np.array_equal(value, shipped.values[name])
    }
    assert differ == {"rule/decay_delay"}


def test_a_saved_configuration_keeps_the_numbers_of_its_release(monkeypatch):
    config = Mnemosyne().get_config()
    before = MetaParams.load(SHIPPED).fingerprint()
    monkeypatch.setattr(MetaParams, "named_files", {"shipped": SHIPPED.parent / "another_release"})
    assert Mnemosyne.from_config(config).meta_params.fingerprint() == before


def test_setup_names_it_so_that_an_installed_package_has_it():
    setup = configparser.ConfigParser()
    setup.read(pathlib.Path(__file__).parents[2] / "setup.cfg")
    within = SHIPPED.relative_to(SHIPPED.parents[1])
    assert within.match(setup["options.package_data"]["mnemosyne_tf"])
