"""The headline figures of a report: of the best run and of the best scores."""

import dataclasses
from collections.abc import Mapping, Sequence

from pipeline.report.sources import Run, ScoreTable
from pipeline.report.tables import duration, percent


@dataclasses.dataclass(frozen=True)
class Card:
    """One headline figure: the figure, its name, and a line that explains it."""

    figure: str
    name: str
    meaning: str


def best_run(runs: Sequence[Run]) -> Run | None:
    """The run with the lowest held-out loss at its end; None without any, or of BERT and T5."""
    evaluated = [run for run in runs if run.heldout]
    if len({run.judged_by for run in evaluated}) > 1:
        return None
    return min(evaluated, key=lambda run: run.heldout[-1][run.judged_by], default=None)


_AVERAGES = {
    "glue": "GLUE average",
    "sample": "sample tasks, average",
    "own": "own tasks, average",
}


def cards(runs: Sequence[Run], scores: Sequence[ScoreTable]) -> list[Card]:
    """Headline figures of the best run and of the best score table."""
    found = []
    run = best_run(runs)
    if run:
        last, unigram = run.heldout[-1], run.facts["unigram_loss"]
        task, token = ("target", "target") if run.is_of_a_t5 else ("masked-LM", "masked")
        gap = unigram - last[run.judged_by]
        side = "below" if gap >= 0 else "above"
        found += [
            Card(
                f"{last[run.judged_by]:.2f}",
                f"held-out {task} loss",
                f"nats per {token} token, {abs(gap):.2f} {side} the unigram plateau",
            ),
            Card(
                percent(last[run.judged_by.replace("_loss", "_accuracy")]),
                f"{task} accuracy",
                f"of held-out {token} tokens",
            ),
            *_pairs_card(run, last),
            Card(
                duration(last["seconds"]),
                "training time",
                f"{last['step']:,} steps, {run.facts['parameters'] / 1e6:.1f} M parameters",
            ),
        ]
    for kind, name in _AVERAGES.items():
        tables = [table for table in scores if table.kind == kind]
        if tables:
            best = max(tables, key=lambda table: table.results["average"]).results
            names = ", ".join(row["task"] for row in best["rows"])
            meaning = f"{'not GLUE; ' if kind == 'sample' else ''}dev sets of {names}"
            found.append(Card(f"{100 * best['average']:.1f}", name, meaning))
    return found


def _pairs_card(run: Run, last: Mapping) -> list[Card]:
    if "next_sentence_accuracy" not in last:
        return []
    meaning = "of held-out pairs"
    if run.majority_accuracy is not None:
        meaning += f"; the majority class gives {percent(run.majority_accuracy)}"
    return [Card(percent(last["next_sentence_accuracy"]), "next-sentence accuracy", meaning)]
