"""Little folders for a report: records, runs and scores, as their commands leave them."""

import json

MANIFEST = {
    "format_version": 1,
    "settings": {},
    "vocab": {"size": 2048, "sha256": "00"},
    "splits": {"train": {"documents": 7, "sequences": 1234, "shards": []}},
    "counts": {"documents": 8, "sentences": 90, "tokens": 4321},
    "rejects": {"utf8": 2},
    "statistics": {"length_histogram": [0, 0, 0, 5, 9], "masked_share": 0.147},
    "versions": {},
}


def write_json(path, content):
    """Writes a file and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


MACHINE = {
    "hardware": {
        "processor": "Z80",
        "cores": 1,
        "memory_gib": 64,
        "accelerators": ["NVIDIA H100 80GB HBM3"],
        "system": "Linux x86_64",
    },
    "flops_per_step": 1_000_000,
    "peak_flops": 9.89e14,
    "peak_origin": "data sheet, bfloat16",
}


def make_run(folder, *, optimizer, heldout_loss, complete=True, has_pairs=True, **facts):
    """A run of 20 steps, with `facts` in its run.json."""
    write_json(
        folder / "run.json",
        {
            "name": "tiny & small",
            "optimizer": optimizer,
            "parameters": 4_385_920,
            "replicas": 1,
            "devices": ["CPU:0"],
            "unigram_loss": 5.371,
            "data": "records",
            "data_manifest": {"statistics": {"random_next_share": 0.575}, "settings": {}},
            "meta_parameters": None,
            "versions": {},
            "lengthened": [{"at_step": 10, "before": 10, "now": 20}] if complete else [],
            **facts,
            "recipe": {
                "name": "tiny & small",
                "optimizer": {"name": optimizer},
                "train": {"num_train_steps": 20},
            },
        },
    )
    rows = [
        {
            "split": split,
            "step": step,
            "seconds": 2.0 * step,
            "rows": step * 8,
            "loss": heldout_loss + 0.6,
            "masked_lm_loss": heldout_loss,
            "masked_lm_accuracy": 0.25,
            "next_sentence_loss": 0.6,
            "next_sentence_accuracy": 0.625,
            "sequences_per_second": 320.0,
            "tokens_per_second": 2560.0,
            "tokens_per_step": 64.0,
        }
        for split in ("train", "heldout")
        for step in (10, 20)
    ]
    for row in () if has_pairs else rows:
        del row["next_sentence_loss"], row["next_sentence_accuracy"]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if complete:
        (folder / "COMPLETED").write_text("{}")


def make_scores(folder, *, sample_tasks):
    """Scores of one task; of GLUE, another one was not run."""
    row = {"task": "RTE", "metrics": {"accuracy": 0.584}, "score": 0.584, "note": ""}
    write_json(
        folder / "results.json",
        {
            "checkpoint": "elsewhere",
            "initialisation": "checkpoint",
            "encoder_step": 400,
            "sample_tasks": sample_tasks,
            "average": 0.584,
            "rows": [row],
            "settings": {"num_train_epochs": 3.0},
            "not_run": [] if sample_tasks else [{"name": "MNLI", "reason": "unsupported"}],
        },
    )
    (folder / "COMPLETED").write_text("{}")
