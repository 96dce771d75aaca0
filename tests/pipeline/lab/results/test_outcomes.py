from pipeline.lab.results.outcomes import known_tasks, outcomes_of


def test_runs_become_an_outcome_of_their_task(runs):
    ((_, outcome),) = outcomes_of(runs)
    assert outcome.task.name == "bert_l2_h64" and outcome.plateau == 6.3
    assert [*outcome.curves["adamw"]] == [2e-3, 4e-3, 8e-3]
    assert [curve.losses[-1] for curve in outcome.curves["mnemosyne"][1.0]] == [5.2, 5.3]


def test_runs_of_other_settings_are_left_out(runs, finished):
    """As those of older code are, whose rates were others."""
    old = finished("bert_l2_h64", "mnemosyne", 1.0, 2, 4.0, settings="older")
    ((_, outcome),) = outcomes_of([*runs, old])
    assert [curve.losses[-1] for curve in outcome.curves["mnemosyne"][1.0]] == [5.2, 5.3]


def test_an_ablation_that_changes_nothing_has_no_row(finished):
    """On the second BERT a step has 160 labels, for which the decay is not delayed."""
    shared = [finished("bert_l2_h128", "mnemosyne", 1.0, 0, 5.6)]
    ((_, outcome),) = outcomes_of(shared)
    assert [*outcome.curves] == ["mnemosyne"]


def test_a_run_made_under_one_name_is_found_under_another(finished):
    """The nominal rule at the factor 1 is the ablation without the learned number."""
    under_one_name = [
        finished("bert_l2_h64", "nominal", 0.5, 0, 5.6),
        finished("bert_l2_h64", "without_decay_delay", 1.0, 0, 5.4),
    ]
    ((_, outcome),) = outcomes_of(under_one_name)
    assert [*outcome.curves["nominal"]] == [0.5, 1.0]


def test_every_task_is_known_by_its_name():
    assert all(name == task.name for name, task in known_tasks().items())
    assert {"bert_l4_h256", "transfer_base", "horizon", "fashion_cnn"} <= set(known_tasks())
