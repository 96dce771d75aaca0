"""Headline figures of literal runs and scores."""

from literal_runs import make_run, make_scores

from pipeline.report import headline_figures


def test_headline_figures_of_a_run():
    cards = headline_figures.cards([make_run()], [])
    assert [(card.figure, card.meaning) for card in cards] == [
        ("3.50", "nats per masked token, 1.75 below the unigram plateau"),
        ("31.2%", "of held-out masked tokens"),
        ("75.0%", "of held-out pairs; the majority class gives 60.0%"),
        ("90 s", "20 steps, 4.4 M parameters"),
    ]


def test_a_loss_above_the_plateau_says_so():
    card = headline_figures.cards([make_run(loss=5.5)], [])[0]
    assert card.meaning.endswith("0.25 above the unigram plateau")


def test_headlines_are_those_of_the_lowest_run_and_the_best_table():
    runs = [make_run("high", loss=4.0), make_run("low", loss=3.0)]
    cards = headline_figures.cards(runs, [make_scores(0.4), make_scores(0.5)])
    assert headline_figures.best_run(runs).label == "low"
    assert cards[0].figure == "3.00"
    assert (cards[-1].figure, cards[-1].name) == ("50.0", "GLUE average")


def test_sample_tasks_are_never_called_glue_in_the_headlines():
    card = headline_figures.cards([], [make_scores(0.5, sample_tasks=True)])[0]
    assert (card.name, card.meaning) == ("sample tasks, average", "not GLUE; dev sets of CoLA")


def test_the_majority_class_of_a_single_bin_is_not_known():
    run = make_run()
    run.facts["data_manifest"]["settings"]["bins"] = "64,128"
    assert headline_figures.cards([run], [])[2].meaning == "of held-out pairs"


def test_a_run_without_pairs_has_no_headline_of_them():
    run = make_run()
    del run.heldout[0]["next_sentence_accuracy"]
    names = [card.name for card in headline_figures.cards([run], [])]
    assert names == ["held-out masked-LM loss", "masked-LM accuracy", "training time"]
