"""The story of `mnemosyne bench gate`: may meta-parameters of a file replace the released ones?

AdamW, the nominal rule swept, the set to beat and the candidate train all tasks of `bench race`, on
texts and at lengths that no meta-training has seen. The set to beat is the released one, or another
so that an old verdict can be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnemosyne_tf import MetaParams, Mnemosyne
from pipeline.lab import figures_file
from pipeline.lab.races import contestants, race, verdict
from pipeline.lab.races.contestants import ADAMW, MNEMOSYNE, SWEPT_NOMINAL, Contestant
from pipeline.lab.races.settings import RaceSettings


def run(
    settings: RaceSettings,
    *,
    meta_params: str,
    against: str | None = None,
    tasks: Sequence[str] = race.GROUPS,
    history: str | None = None,
) -> None:
    """Compares, prints the verdict, and saves it next to the candidate.

    Args:
        settings: of the comparison.
        meta_params: the file of the candidate.
        against: the set to beat, a file or "nominal"; None is the released one.
        tasks: as in `race.run`; unless all are judged, nothing passes.
        history: Markdown file to add a row to, or None.

    Raises:
        ValueError: the file is not of Mnemosyne, or both sets hold the same numbers.
        FileNotFoundError: a file does not exist.
    """
    figures_file.check_folders({"history": history})
    candidate = contestants.load_candidate(meta_params)
    if not candidate.is_mnemosyne:
        raise ValueError(
            f"--candidate: expected meta-parameters of Mnemosyne, received {candidate.name}."
        )
    check_they_differ(meta_params, against)
    chosen = gate_contestants(candidate, against)
    outcomes = race.compare(settings, race.chosen_tasks(tasks, settings), chosen)
    race.report(settings, outcomes, {"comparison": "gate"})
    found = verdict.judge(
        outcomes,
        meta_params=meta_params,
        names=(chosen[3].name, chosen[2].name, chosen[1].name),
        all_tasks=[task.name for task in race.chosen_tasks(race.GROUPS, settings)],
        against=against or verdict.RELEASED_IN_WORDS,
    )
    print(f"{found.in_words()} ({verdict.file_of(found)})", flush=True)
    if history:
        verdict.add_to_history(history, found)
    verdict.save(found)


def gate_contestants(candidate: Contestant, against: str | None = None) -> list[Contestant]:
    """Returns AdamW, the nominal rule swept, the set to beat and the candidate, in this order."""
    to_beat = contestants.candidate(against) if against else MNEMOSYNE
    return [ADAMW, SWEPT_NOMINAL, to_beat, candidate]


def check_they_differ(meta_params: str, against: str | None) -> None:
    """Refuses to judge a set against itself.

    Args:
        meta_params: the file of the candidate.
        against: "nominal" or a file; None is the released set.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: both hold the same numbers, or one is no such file.
    """
    candidate = MetaParams.load(meta_params)
    to_beat = MetaParams.resolve(against) if against else Mnemosyne().meta_params
    if candidate.fingerprint() == to_beat.fingerprint():
        raise ValueError(
            f"--candidate: expected another set than the one to beat, but {meta_params} holds the "
            f"numbers of {against or verdict.RELEASED_IN_WORDS}. Name another with --against: "
            "FILE.npz, or nominal for the untrained rule."
        )
