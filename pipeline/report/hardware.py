"""The hardware table of a report: what each run trained on and how much of it it used."""

import dataclasses
from collections.abc import Mapping, Sequence

from matplotlib.ticker import EngFormatter

from pipeline.report.sources import Run
from pipeline.report.tables import NONE, median


@dataclasses.dataclass(frozen=True)
class HardwareTable:
    """Names of the columns, and of each run that knows its machine the cells."""

    columns: Sequence[str]
    rows: Sequence[tuple[Run, Sequence[str]]]


def hardware_table(runs: Sequence[Run]) -> HardwareTable | None:
    """The machines of the runs; a column that no run can fill is left out.

    Runs of earlier versions did not note their machine; None where no run did.
    """
    known = [(run, _cells(run)) for run in runs if "hardware" in run.facts]
    if not known:
        return None
    columns = [name for name in known[0][1] if any(cells[name] != NONE for _, cells in known)]
    return HardwareTable(
        columns, [(run, [cells[name] for name in columns]) for run, cells in known]
    )


def _cells(run: Run) -> Mapping[str, str]:
    facts = run.facts
    machine, peak = facts["hardware"], facts.get("peak_flops")
    return {
        "processor": machine["processor"],
        "cores": str(machine["cores"]),
        "memory": f"{machine['memory_gib']} GiB",
        "accelerators": ", ".join(machine["accelerators"]) or NONE,
        "replicas": str(facts["replicas"]),
        "peak": EngFormatter("flop/s", places=1)(peak) if peak else NONE,
        "the peak is": facts["peak_origin"] if peak else NONE,
        "of peak": median(run, "fraction_of_peak", "{:.0%}"),
        "waiting": median(run, "fraction_waiting", "{:.1%}"),
    }
