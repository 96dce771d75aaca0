"""Recipe and records to the one objective that both are for."""

from __future__ import annotations

from data_prep import features as records
from pipeline.data.record_reader import check_objective
from pipeline.objectives.masked_lm import MaskedLM
from pipeline.objectives.objective import Objective
from pipeline.objectives.span_corruption import SpanCorruption
from pipeline.recipes.loader import Recipe


def objective_for(recipe: Recipe, manifest: records.Manifest, data_dir: str) -> Objective:
    """Returns what a recipe trains: with `prepare.objective` span_corruption a T5, else a BERT.

    Raises:
      ValueError: the records in `data_dir` are those of the other one.
    """
    if not recipe.prepare.replaces_spans:
        check_objective(manifest.settings, data_dir)
        return MaskedLM()
    if (received := manifest.settings.get("objective", "mlm_nsp")) != recipe.prepare.objective:
        raise ValueError(
            f"{data_dir}: expected records of a T5 (--objective span_corruption), received those "
            f"of a BERT ({received}). Prepare others with 'mnemosyne prepare "
            "--objective span_corruption', or train a BERT on them: another --recipe."
        )
    return SpanCorruption()
