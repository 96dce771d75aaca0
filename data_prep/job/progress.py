"""The progress of a job: workers write it to small files, the command shows it.

Files, because workers may be threads, processes or other machines; one for each unit of work,
overwritten about twice a second. Nothing but the display on standard error depends on them.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping

from data_prep import storage

_SECONDS_BETWEEN_REPORTS = 0.5
_SECONDS_BETWEEN_UPDATES = 0.5


class ProgressReport:
    """Reports how far one unit of work is."""

    def __init__(self, folder: str, name: str):
        self._path = os.path.join(folder, f"{name}.json")
        # A remote file a second costs more than a display is worth.
        self._is_silent = storage.is_remote(folder)
        self._next = 0.0

    def update(self, counts: Mapping[str, float], *, is_last: bool = False) -> None:
        """Reports the counts so far, unless it did so a moment ago."""
        now = time.monotonic()
        if self._is_silent or (now < self._next and not is_last):
            return
        self._next = now + _SECONDS_BETWEEN_REPORTS
        with contextlib.suppress(OSError):
            storage.write_whole(self._path, json.dumps(dict(counts)).encode())


def total_progress(folder: str) -> collections.Counter[str]:
    """Returns the sum of all reports in a folder."""
    total: collections.Counter[str] = collections.Counter()
    for name in storage.list_folder(folder):
        if name.endswith(".json"):
            with contextlib.suppress(OSError, ValueError):
                total.update(json.loads(storage.read_whole(os.path.join(folder, name))))
    return total


class ProgressDisplay:
    """Shows two bars while the job runs: bytes read, then shards written.

    Use as a context manager around the job.
    """

    def __init__(self, folder: str, *, bytes_total: int, shards_total: int, shards_done: int):
        self._folder = folder
        self._bytes_total = bytes_total
        self._shards_total = shards_total
        self._shards_done = shards_done
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ProgressDisplay:
        if storage.is_remote(self._folder):
            return self
        for name in storage.list_folder(self._folder):
            with contextlib.suppress(OSError):
                storage.remove(os.path.join(self._folder, name))
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        import tqdm

        while not total_progress(self._folder)["bytes"]:  # workers are starting
            # A job may be over before the first update: what it reported is still shown.
            if (
                self._stop.wait(_SECONDS_BETWEEN_UPDATES)
                and not total_progress(self._folder)["bytes"]
            ):
                return
        with tqdm.tqdm(
            desc="read",
            file=sys.stderr,
            total=self._bytes_total,
            unit="B",
            unit_scale=True,
            leave=True,
        ) as bar:
            total = self._follow_reading(bar)
        if total is None:
            return
        with tqdm.tqdm(
            desc="write",
            file=sys.stderr,
            total=self._shards_total,
            unit="shard",
            bar_format="{l_bar}{bar}| {n:.1f}/{total} shards [{elapsed}<{remaining}{postfix}]",
        ) as bar:
            self._follow_writing(bar)

    def _follow_reading(self, bar: object) -> collections.Counter[str] | None:
        while True:
            stopped = self._stop.wait(_SECONDS_BETWEEN_UPDATES)
            total = total_progress(self._folder)
            bar.n = min(total["bytes"], self._bytes_total)
            bar.set_postfix(documents=total["documents"], rejects=total["rejects"], refresh=False)
            bar.refresh()
            if total["shards"] or total["bytes"] >= self._bytes_total:
                return total
            if stopped:
                return None

    def _follow_writing(self, bar: object) -> None:
        stopped = False
        while not stopped:
            stopped = self._stop.wait(_SECONDS_BETWEEN_UPDATES)
            total = total_progress(self._folder)
            bar.n = min(total["shards"] + self._shards_done, self._shards_total)
            bar.set_postfix(sequences=int(total["sequences"]), refresh=False)
            bar.refresh()
