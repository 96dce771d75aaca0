"""Fine-tunes and scores tasks, one after the other: a run folder and tasks to a score table.

Called again, it skips the tasks and seeds that are finished.
"""

import dataclasses
import functools
import os
import sys
from collections.abc import Mapping, Sequence

from models.fused.graph_release import graphs_released_at_end
from pipeline.glue import classifier_training, console, initial_weights
from pipeline.glue.files.examples import TaskData
from pipeline.glue.initial_weights import InitialEncoder
from pipeline.glue.pretrained_run import PretrainedRun, read_run
from pipeline.glue.results import ResultsFolder, convention, kept_models
from pipeline.glue.results.header import header_of
from pipeline.glue.results.not_run import TaskNotRun, one_line
from pipeline.glue.settings import GlueSettings
from pipeline.glue.submission.answers import answer_tests
from pipeline.glue.submission.archive import answer_file, write_archive
from pipeline.glue.task import GlueTask
from pipeline.glue.task_run import TaskRun, run_task
from pipeline.glue.tasks import MNLI


def finetune(
    task_to_data: Mapping[GlueTask, TaskData],
    settings: GlueSettings,
    *,
    checkpoint: str,
    output: str,
    kind: str = convention.GLUE,
    not_run: Sequence[TaskNotRun] = (),
    random_init: bool = False,
) -> int:
    """Fine-tunes and scores the tasks; returns 0, or 1 when one diverged.

    Args:
      task_to_data: Which tasks, in this order, and the examples of each.
      settings: Of every task. A `max_seq_length` of None is that of the run's records.
      checkpoint: Output folder of `mnemosyne pretrain`.
      output: Folder for the scores; tasks and seeds that are finished in it are skipped.
      kind: Of tasks: `convention.GLUE`, `SAMPLE` or `OWN`.
      not_run: Tasks that are left out, each with its reason.
      random_init: Whether to start from random weights of the run's sizes.

    Raises:
      FileNotFoundError: If a folder or a needed file is missing.
      ValueError: If a setting has no effect, or the output folder holds results of other settings.
    """
    classifier_training.optimizer_config(settings)  # refuses what the optimizer does not have
    run = read_run(checkpoint)
    if settings.max_seq_length is None:
        settings = dataclasses.replace(settings, max_seq_length=run.max_seq_length)
    run.check_length(settings.max_seq_length)
    start = _start(run, settings, random_init=random_init)
    folder = ResultsFolder(
        output,
        header_of(checkpoint, start, settings, kind=kind),
        not_run=not_run,
    )
    print(folder.title(), flush=True)
    if folder.not_run:
        print(one_line(folder.not_run), flush=True)
    if not random_init:
        console.warn_of_untrained_positions(run, settings)
    if settings.from_mnli:
        task_to_data = _mnli_first(task_to_data, folder)
    for task, data in task_to_data.items():
        if not _run_seeds(task, data, run=run, start=start, settings=settings, folder=folder):
            return 1
    answer_tests(task_to_data, folder, start=start, settings=settings)
    if kind == convention.GLUE:
        with_tests = [task.name for task, data in task_to_data.items() if data.tests]
        folder.submission = _submit(folder, settings, with_tests)
    folder.complete()
    print(
        f"\n{folder.title()}\nscores in percent; files in {output}\n\n{folder.table()}\n\n"
        f"{folder.average_text()}"
    )
    if folder.submission:
        print("\n".join(folder.submission))
    for task in task_to_data if kind == convention.OWN else ():
        if kept_models.has_model(folder, task):
            print(f"model, for `mnemosyne predict`: {kept_models.path_of(output, task)}")
    return 0


def _run_seeds(
    task: GlueTask,
    data: TaskData,
    *,
    run: PretrainedRun,
    start: InitialEncoder,
    settings: GlueSettings,
    folder: ResultsFolder,
) -> bool:
    """Runs the seeds of a task that are not finished; False if one diverged."""
    seeds = [s for s in settings.all_seeds if not folder.finished_run(task, s, data.sha256)]
    if len(seeds) < settings.seeds:
        console.say_skipped(task, settings, seeds)
        _say_not_kept(task, settings, folder, pending=seeds)
    if not seeds:
        return True
    folder.begin()
    console.announce(task, data, folder.directory)
    folder.add_rejects(task, data.rejects)
    is_random = folder.header["initialisation"] == "random"
    started_from = ""
    if settings.from_mnli and task.starts_from_mnli:
        start = kept_models.encoder_of(folder, MNLI, start)
        started_from = f"the encoder fine-tuned on MNLI, seed {folder.models[MNLI.name]}"
    for seed in seeds:
        of_seed = dataclasses.replace(settings.of_task(task), seed=seed)
        if is_random and not started_from and seed != settings.seed:
            start = _start(run, of_seed, random_init=True)
        with graphs_released_at_end():
            try:
                done = run_task(task, data, start=start, settings=of_seed)
            except FloatingPointError as error:
                print(f"mnemosyne glue: {error}", file=sys.stderr)
                return False
            done.row["started_from"] = started_from
            if seed == seeds[0]:
                console.warn_of_unknown_tokens(done.row, start)
                console.say_cut(done.row, of_seed)
            is_kept = _keep(done, task, run=run, settings=of_seed, folder=folder)
            _add(done, task, data, folder, is_kept=is_kept)
    return True


def _keep(
    done: TaskRun,
    task: GlueTask,
    *,
    run: PretrainedRun,
    settings: GlueSettings,
    folder: ResultsFolder,
) -> bool:
    """Writes the model of a run where it is wanted; says whether it is the task's best now."""
    is_best = settings.keep_models != "none" and kept_models.is_better(done, folder, task)
    save = functools.partial(kept_models.save, done, folder, task, run=run, settings=settings)
    if is_best:
        save(as_best=True)
    if settings.keep_models == "each_seed":
        save(as_best=False)
    return is_best


def _say_not_kept(
    task: GlueTask, settings: GlueSettings, folder: ResultsFolder, *, pending: Sequence[int]
) -> None:
    """Names the finished seeds whose model was to be kept and is not there."""
    if settings.keep_models == "none":
        return
    lost = [seed for seed in settings.all_seeds if seed not in pending]
    kept = "the task's best model"
    if settings.keep_models == "each_seed":
        lost, kept = kept_models.not_kept(folder, task, lost), "the model of each seed"
    elif kept_models.has_model(folder, task):
        return
    if lost:
        print(
            f"WARNING {task.name}, seed {', '.join(map(str, lost))}: scored by an earlier call, "
            f"which did not keep {kept}; give another --output to have it",
            flush=True,
        )


def _mnli_first(
    task_to_data: Mapping[GlueTask, TaskData], folder: ResultsFolder
) -> dict[GlueTask, TaskData]:
    """The tasks in an order in which MNLI is fine-tuned before those that start from it.

    Raises:
      ValueError: If MNLI is neither among them nor finished with its model kept.
    """
    if MNLI not in task_to_data and not kept_models.has_model(folder, MNLI):
        raise ValueError(
            "--from_mnli: expected MNLI among --tasks, or its model in "
            f"{kept_models.path_of(folder.directory, MNLI)}; received "
            f"{', '.join(task.name for task in task_to_data)}; leave the flag out or add the task"
        )
    return dict(sorted(task_to_data.items(), key=lambda item: item[0] != MNLI))


def _start(run: PretrainedRun, settings: GlueSettings, *, random_init: bool) -> InitialEncoder:
    return initial_weights.load_encoder(
        run, dropout=settings.dropout, random_init=random_init, seed=settings.seed
    )


def _add(
    done: TaskRun, task: GlueTask, data: TaskData, folder: ResultsFolder, *, is_kept: bool
) -> None:
    labels = [examples.labels for examples in data.dev_sets]
    folder.add(done.row, task=task, labels=labels, predictions=done.predictions, is_kept=is_kept)
    console.say_scores(task, done.row)


def _submit(folder: ResultsFolder, settings: GlueSettings, with_tests: Sequence[str]) -> list[str]:
    """Zips the answered test files; returns lines that say by whom, and what the zip holds."""
    answered = [
        name for name in folder.test_files if os.path.isfile(answer_file(folder.directory, name))
    ]
    if answered or settings.fill_submission:
        lines = write_archive(folder.directory, answered, fill=settings.fill_submission)
        seeds = {
            folder.test_files[name]["task"]: folder.test_files[name]["seed"] for name in answered
        }
        models = ", ".join(f"{task} {seed}" for task, seed in seeds.items())
        by = f"Test sets are answered by models/TASK, of the best seed on dev: {models}."
        return [by, *lines] if answered else lines
    if settings.keep_models == "none":
        return ["no submission: --keep_models none keeps no model to answer test.tsv with"]
    if with_tests:
        return [
            f"no submission: no model of {', '.join(with_tests)} was kept to answer test.tsv with"
        ]
    return ["no submission: no task that was run has a test.tsv"]
