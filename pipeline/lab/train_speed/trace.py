"""What TensorFlow's profiler wrote -> the operations of a step and how long each took by itself.

The profiler's file is a protocol buffer, XSpace, whose Python classes TensorFlow does not install.
The few fields that are read here are declared below; the others are skipped as unknown.

Source: openxla/xla, `third_party/tsl/tsl/profiler/protobuf/xplane.proto` and
`xla/service/hlo.proto`.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import glob
import os
import re
import statistics
from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_NUMBER, _TEXT, _BYTES = _FIELD.TYPE_INT64, _FIELD.TYPE_STRING, _FIELD.TYPE_BYTES
# Message: its fields as (name, number, type); a message's name is a type, in a list if repeated.
_MESSAGES = {
    "XSpace": [("planes", 1, ["XPlane"])],
    "XPlane": [
        ("lines", 3, ["XLine"]),
        ("event_metadata", 4, ["MetadataEntry"]),
        ("stat_metadata", 5, ["MetadataEntry"]),
    ],
    "MetadataEntry": [("key", 1, _NUMBER), ("value", 2, "Metadata")],
    "Metadata": [("name", 2, _TEXT), ("stats", 5, ["XStat"])],
    "XStat": [
        ("metadata_id", 1, _NUMBER),
        ("str_value", 5, _TEXT),
        ("bytes_value", 6, _BYTES),
        ("ref_value", 7, _NUMBER),
    ],
    "XLine": [("events", 4, ["XEvent"])],
    "XEvent": [
        ("metadata_id", 1, _NUMBER),
        ("offset_ps", 2, _NUMBER),
        ("duration_ps", 3, _NUMBER),
        ("stats", 4, ["XStat"]),
    ],
    "HloProto": [("hlo_module", 1, "HloModule")],
    "HloModule": [("name", 1, _TEXT), ("computations", 3, ["HloComputation"])],
    "HloComputation": [("instructions", 2, ["HloInstruction"])],
    "HloInstruction": [("name", 1, _TEXT), ("opcode", 2, _TEXT), ("metadata", 7, "OpMetadata")],
    "OpMetadata": [("op_type", 1, _TEXT), ("op_name", 2, _TEXT)],
}
# XLA's name of the program of a compiled function: a_inference_NAME_NUMBER__ and more.
_OF_FUNCTION = re.compile(r"a_inference_(\w+?)_\d+__")
# Events that are no operation but work: they choose and start the next one.
_EXECUTORS = ("ExecutorState::", "ThunkExecutor::", "CpuExecutable::")


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation of the graph or of an XLA program.

    Attributes:
        name: as the profiler has it; of the graph `PATH:TYPE`.
        opcode: of an XLA instruction, such as `dot`; empty for an operation of the graph.
        op_type: the TensorFlow operation that it is or comes from, or empty.
        path: the name of that operation, with its scopes, or empty.
        seconds: of a step, without the operations inside it.
        program: the Python name of the function that XLA compiled, or empty.
    """

    name: str
    opcode: str
    op_type: str
    path: str
    seconds: float
    program: str = ""


def read(folder: str, *, num_steps: int) -> list[Operation]:
    """Returns the operations of the newest trace in a folder.

    Times are those of the clock, so the shortest of all steps counts: in the others the process may
    have had to wait for the core.

    Args:
        folder: what `tf.profiler.experimental` was given.
        num_steps: steps in the trace.

    Raises:
        FileNotFoundError: the folder holds no trace.
    """
    files = glob.glob(os.path.join(folder, "**", "*.xplane.pb"), recursive=True)
    if not files:
        raise FileNotFoundError(f"{folder}: expected a trace of TensorFlow's profiler, found none.")
    with open(max(files, key=os.path.getmtime), "rb") as file:
        space = _message("XSpace").FromString(file.read())
    instructions = _instructions(space)
    times: dict[tuple[str, str], list[float]] = collections.defaultdict(list)
    for plane in space.planes:
        name_of = _event_names(plane)
        for line in plane.lines:
            for event, seconds in _own_seconds(line.events):
                times[name_of(event)].append(seconds)
    operations = (
        _operation(module, name, instructions, _usual(name, each) * len(each) / num_steps)
        for (module, name), each in times.items()
    )
    return [operation for operation in operations if operation]


def _usual(name: str, seconds: list[float]) -> float:
    # What an executor does between operations differs from one to the next.
    return statistics.median(seconds) if name.startswith(_EXECUTORS) else min(seconds)


def _operation(module: str, name: str, instructions: dict, seconds: float) -> Operation | None:
    """None for an event that only waits for others, such as the call from Python."""
    if (module, name) in instructions:
        function = _OF_FUNCTION.match(module)
        program = function[1] if function else ""
        return Operation(name, *instructions[module, name], seconds, program)
    path, colon, op_type = name.rpartition(":")
    if colon and "::" not in name and " " not in name:
        return Operation(name, "", op_type, path, seconds)
    return Operation(name, "", "", "", seconds) if name.startswith(_EXECUTORS) else None


def _event_names(plane):
    """Returns the function from an event to its XLA program, or nothing, and its name."""
    names = {entry.key: entry.value.name for entry in plane.event_metadata}
    stats = {entry.key: entry.value.name for entry in plane.stat_metadata}

    def name_of(event) -> tuple[str, str]:
        modules = [
            stat.str_value or stats.get(stat.ref_value, "")
            for stat in event.stats
            if stats.get(stat.metadata_id) == "hlo_module"
        ]
        return (modules[0] if modules else "", names.get(event.metadata_id, ""))

    return name_of


def _own_seconds(events) -> Iterator[tuple[Any, float]]:
    """Each event's duration without those that lie inside it, on one thread."""
    open_events: list[list] = []  # [end, event, own picoseconds]
    for event in sorted(events, key=lambda each: (each.offset_ps, -each.duration_ps)):
        while open_events and open_events[-1][0] <= event.offset_ps:
            _, closed, own = open_events.pop()
            yield closed, own / 1e12
        if open_events:
            open_events[-1][2] -= event.duration_ps
        end = event.offset_ps + event.duration_ps
        open_events.append([end, event, event.duration_ps])
    for _, left, own in open_events:
        yield left, own / 1e12


def _instructions(space) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Opcode, operation and path by program and name of each instruction of XLA's."""
    found = {}
    for plane in space.planes:
        hlo_ids = {each.key for each in plane.stat_metadata if each.value.name == "Hlo Proto"}
        for entry in plane.event_metadata:
            for stat in entry.value.stats:
                if stat.metadata_id not in hlo_ids:
                    continue
                module = _message("HloProto").FromString(stat.bytes_value).hlo_module
                for computation in module.computations:
                    for each in computation.instructions:
                        metadata = each.metadata
                        found[module.name, each.name] = (
                            each.opcode,
                            metadata.op_type,
                            metadata.op_name,
                        )
    return found


@functools.cache
def _message(name: str):
    """The class of one of `_MESSAGES`."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"trace.{name}"))


@functools.cache
def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="trace.proto", package="trace", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            repeated = isinstance(kind, list)
            field = message.field.add(
                name=field_name,
                number=number,
                label=_FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL,
            )
            (kind,) = kind if repeated else (kind,)
            if isinstance(kind, str):
                field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".trace.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool
