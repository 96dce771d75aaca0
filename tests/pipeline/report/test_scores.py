"""The GLUE table of literal score folders."""

from pipeline.report import scores
from pipeline.report.sources import Run, ScoreTable


def make_table(rows, *, initialisation="checkpoint", directory="scores", is_complete=True):
    rows = [
        {
            "task": task,
            "metrics": metrics,
            "score": sum(metrics.values()) / len(metrics),
            "note": note,
        }
        for task, metrics, note in rows
    ]
    results = {
        "checkpoint": "runs/a/",
        "initialisation": initialisation,
        "sample_tasks": False,
        "average": sum(row["score"] for row in rows) / len(rows),
        "rows": rows,
    }
    return ScoreTable(directory, results, is_complete)


MRPC_AND_RTE = [
    ("RTE", {"accuracy": 0.5}, ""),
    ("MRPC", {"f1": 0.8, "accuracy": 0.7}, ""),
]
BETTER = [("RTE", {"accuracy": 0.6}, ""), ("MRPC", {"f1": 0.8, "accuracy": 0.6}, "")]


def test_no_folders_no_table():
    assert scores.score_table([], []) is None


def test_tasks_stand_in_the_order_of_the_task_table():
    table = scores.score_table([make_table(MRPC_AND_RTE)], [])
    assert table.tasks == [("MRPC", "F1 / accuracy"), ("RTE", "accuracy")]
    assert table.rows[0].cells == [("75.0", "80.0 / 70.0", False), ("50.0", "", False)]
    assert table.rows[0].average == "62.5"


def test_the_best_score_of_each_task_is_marked():
    tables = [make_table(MRPC_AND_RTE), make_table(BETTER, initialisation="random")]
    rows = scores.score_table(tables, []).rows
    assert [[is_best for *_, is_best in row.cells] for row in rows] == [
        [True, False],
        [False, True],
    ]
    assert [row.is_best for row in rows] == [False, True]


def test_rows_are_labelled_by_the_run_they_start_from():
    run = Run("runs/a", {}, [], [], is_complete=True, label="Mnemosyne")
    tables = [
        make_table(MRPC_AND_RTE),
        make_table(MRPC_AND_RTE, initialisation="random"),
    ]
    rows = scores.score_table(tables, [run]).rows
    assert [row.label for row in rows] == ["pre-trained: Mnemosyne", "random initialisation"]


def test_rows_say_of_which_step_the_encoder_is_and_how_it_was_fine_tuned():
    tables = [make_table(MRPC_AND_RTE), make_table(BETTER[:1], initialisation="random")]
    tables[0].results.update(encoder_step=12000, settings={"num_train_epochs": 3.0})
    tables[1].results.update(encoder_step=None, settings={"num_train_epochs": 1.0})
    for table, sizes in zip(tables, ((2490, 3668), (100,)), strict=True):
        for row, size in zip(table.results["rows"], sizes, strict=True):
            row["train_examples"] = size
    table = scores.score_table(tables, [])
    assert [row.details for row in table.rows] == [
        "encoder of step 12,000; 3 epochs",
        "1 epoch",
    ]
    assert "Training examples: MRPC 3,668; RTE 100 to 2,490." in table.notes


def test_a_folder_of_an_earlier_version_says_less():
    table = scores.score_table([make_table(MRPC_AND_RTE)], [])
    assert table.rows[0].details == "" and table.notes == []


def test_equal_labels_get_their_folder_and_unfinished_ones_say_so():
    tables = [
        make_table(MRPC_AND_RTE, directory="out/one"),
        make_table(MRPC_AND_RTE, directory="out/two"),
        make_table(MRPC_AND_RTE, initialisation="random", is_complete=False),
    ]
    rows = scores.score_table(tables, []).rows
    assert [row.label for row in rows] == [
        "pre-trained: runs/a/ (one)",
        "pre-trained: runs/a/ (two)",
        "random initialisation (unfinished)",
    ]


def test_a_task_that_a_row_lacks_is_a_dash_and_its_average_is_marked():
    tables = [make_table(MRPC_AND_RTE), make_table(BETTER[:1])]
    table = scores.score_table(tables, [])
    assert table.rows[1].cells[0] == ("\u2013", "", False)
    assert table.notes == ["The averages are over different tasks and cannot be compared."]
    assert [row.num_tasks for row in table.rows] == [2, 1]


def test_a_task_without_any_score_is_named_and_one_with_a_score_is_not():
    tables = [make_table(MRPC_AND_RTE), make_table(BETTER[:1])]
    for table in tables:
        table.results["not_run"] = [
            {"name": "MRPC", "reason": "not_chosen"},
            {"name": "WNLI", "reason": "missing"},
        ]
    [*_, line] = scores.score_table(tables, []).notes
    assert line == "WNLI: not run, there is no folder of this name in --glue_dir."


def test_notes_of_tasks_are_shown_once():
    row = ("QNLI", {"accuracy": 0.5}, "no train.tsv")
    tables = [make_table([row]), make_table([row], initialisation="random")]
    assert scores.score_table(tables, []).notes == ["QNLI: no train.tsv."]


def test_several_seeds_show_their_deviation_and_how_many():
    table = make_table(MRPC_AND_RTE)
    for row, deviation in zip(table.results["rows"], (0.0123, None), strict=True):
        row.update(deviation=deviation, seeds=[0, 1, 2], num_train_epochs=5.0)
    found = scores.score_table([table], [])
    assert [score for score, *_ in found.rows[0].cells] == ["75.0", "50.0 \u00b1 1.2"]
    assert found.rows[0].details == "5 epochs; 3 seeds"
    assert "\u00b1 is the sample standard deviation between seeds." in found.notes


def test_tasks_with_other_epochs_show_the_range():
    table = make_table(MRPC_AND_RTE)
    table.results["settings"] = {"num_train_epochs": None}
    for row, epochs in zip(table.results["rows"], (5.0, 3.0), strict=True):
        row["num_train_epochs"] = epochs
    assert scores.score_table([table], []).rows[0].details == "3 to 5 epochs"


def test_the_convention_and_the_choice_stand_below_the_table():
    table = make_table(MRPC_AND_RTE)
    table.results.update(kind="glue", settings={"choose": "best"})
    table.results["diagnostic"] = {"score": 0.21, "note": "answered by the model of MNLI, seed 1"}
    table.results["rows"][0]["started_from"] = "the encoder fine-tuned on MNLI, seed 1"
    notes = scores.score_table([table], []).notes
    assert "the two metrics of MRPC averaged first; WNLI not in it; AX never in it." in notes[0]
    assert "optimistic" in notes[1]
    assert notes[2] == "RTE: started from the encoder fine-tuned on MNLI, seed 1."
    assert notes[3] == "AX: Matthews 21.0, answered by the model of MNLI, seed 1."


def test_scores_of_a_frozen_model_with_a_prompt_say_so():
    folder = make_table(MRPC_AND_RTE)
    folder.results["settings"] = {"prompt_length": 20}
    [row] = scores.score_table([folder], []).rows
    assert row.details == "frozen, with a prompt of 20 vectors"


def test_a_task_of_a_user_with_a_name_of_glue_has_its_own_metrics():
    table = scores.score_table([make_table([("CoLA", {"accuracy": 0.7}, "")])], [])
    assert table.tasks == [("CoLA", "accuracy")]


def test_a_task_of_a_user_has_a_column_too():
    row = ("mail", {"macro_f1": 0.5, "accuracy": 0.7}, "")
    table = scores.score_table([make_table([row, *MRPC_AND_RTE])], [])
    assert table.tasks[-1] == ("mail", "macro F1 / accuracy")
