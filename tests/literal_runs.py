"""A run and a score table of a report, of literals."""

from pipeline.report.sources import Run, ScoreTable


def make_run(label="Mnemosyne", *, loss=3.5, learning_rate=1.0):
    facts = {
        "name": "tiny",
        "optimizer": "mnemosyne",
        "parameters": 4_385_920,
        "replicas": 2,
        "devices": ["CPU:0", "CPU:1"],
        "unigram_loss": 5.25,
        "data": "records",
        "data_manifest": {"statistics": {"random_next_share": 0.4}, "settings": {}},
        "meta_parameters": None,
        "versions": {"tensorflow": "2.21.0"},
        "recipe": {"optimizer": {"learning_rate": learning_rate}, "train": {"num_train_steps": 20}},
    }
    heldout = {
        "step": 20,
        "seconds": 90.0,
        "masked_lm_loss": loss,
        "masked_lm_accuracy": 0.3125,
        "next_sentence_accuracy": 0.75,
    }
    train = [
        {"step": step, "seconds": 4.5 * step, "sequences_per_second": rate, "tokens": 2.5e6}
        for step, rate in ((5, 10.0), (10, 310.0), (15, 300.0))
    ]
    return Run("runs/a", facts, train, [heldout], is_complete=True, label=label)


def make_scores(average, *, sample_tasks=False, num_rows=1):
    rows = [{"task": "CoLA"}] * num_rows
    results = {"average": average, "sample_tasks": sample_tasks, "rows": rows}
    return ScoreTable("scores", results, is_complete=True)
