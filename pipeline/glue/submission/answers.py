"""Test files answered by the kept models: `TaskData.tests` to the files of a submission."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from models.bert_classifier import BertClassifier
from pipeline.glue import metrics
from pipeline.glue.files.examples import TaskData, Texts
from pipeline.glue.initial_weights import InitialEncoder
from pipeline.glue.results import ResultsFolder, kept_models
from pipeline.glue.results.folder import answer
from pipeline.glue.settings import FineTuningSettings
from pipeline.glue.submission import archive
from pipeline.glue.task import GlueTask
from pipeline.glue.task_run import predict_texts
from pipeline.glue.tasks import AX


def answer_tests(
    task_to_data: Mapping[GlueTask, TaskData],
    folder: ResultsFolder,
    *,
    start: InitialEncoder,
    settings: FineTuningSettings,
) -> None:
    """Answers the test files of all tasks that have a kept model, and scores AX.

    What the same model has answered before is skipped.
    """
    for task, data in task_to_data.items():
        if not kept_models.has_model(folder, task):
            continue
        seed = folder.models[task.name]
        pending = {
            name: record
            for name, texts in data.tests.items()
            if not _is_answered(folder, name, record := _record(task, seed, texts))
        }
        scores_ax = data.diagnostic is not None and (folder.diagnostic or {}).get("seed") != seed
        if not pending and not scores_ax:
            continue
        model = kept_models.load(folder, task, start)
        for name, record in pending.items():
            print(f"{name}: answering {len(data.tests[name][0]):,} test examples", flush=True)
            answers = predict_texts(task, model, data.tests[name], start=start, settings=settings)
            archive.write_answers(folder.directory, name, [answer(task, each) for each in answers])
            folder.add_test_file(name, record)
        if scores_ax:
            folder.add_diagnostic(_score_ax(model, task, data, seed, start, settings))


def _score_ax(
    model: BertClassifier,
    task: GlueTask,
    data: TaskData,
    seed: int,
    start: InitialEncoder,
    settings: FineTuningSettings,
) -> dict:
    """The row of AX: answered by the model of MNLI."""
    answers = predict_texts(task, model, data.diagnostic.texts, start=start, settings=settings)
    scores = metrics.compute_metrics(AX.metrics, data.diagnostic.labels, answers)
    return {
        "task": AX.name,
        "seed": seed,
        "metrics": scores,
        "score": metrics.task_score(scores),
        "examples": len(data.diagnostic),
        "note": f"answered by the model of {task.name}, seed {seed}; not in the average",
    }


def _record(task: GlueTask, seed: int, texts: Texts) -> dict:
    """What a file of answers was made of."""
    digest = hashlib.sha256()
    for column in texts:
        digest.update("\0".join(column).encode("utf-8", "surrogatepass"))
    return {"task": task.name, "seed": seed, "texts_sha256": digest.hexdigest()}


def _is_answered(folder: ResultsFolder, name: str, record: Mapping) -> bool:
    path = archive.answer_file(folder.directory, name)
    return folder.test_files.get(name) == record and os.path.isfile(path)
