"""Scores: saved after every task and seed, summed up over seeds, and put into words.

`folder` is the folder on disk, `seeds` makes one row a task of the runs with several seeds, `table`
and `convention` say it to a reader, `not_run` names what is left out, `earlier_results` compares
with what an earlier call left, `kept_models` writes and reads the fine-tuned weights.
"""

from pipeline.glue.results.folder import COMPLETED_FILE, RESULTS_FILE, ResultsFolder

__all__ = ["COMPLETED_FILE", "RESULTS_FILE", "ResultsFolder"]
