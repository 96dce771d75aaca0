#!/usr/bin/env bash
# tensorflow 2.21: with two workers, batches of a dataset of unknown cardinality lose their static size.
#
# Versions:   tensorflow 2.21.0, Python 3.10 to 3.12; two processes on one machine, CPU.
# Expected:   every element of the dataset is int64 [2, 3] and its `element_spec` says so, because of
#             `drop_remainder=True`; a step under `MultiWorkerMirroredStrategy` is traced with [2, 3].
# Seen:       with one worker it is. With two it is traced with [None, 3] where the number of batches is
#             not known (here because of a `filter`), since the workers then agree at every step on
#             whether there is another batch, and the branch without one has an empty batch. What needs
#             the size (XLA, `shape[0]` in Python) fails, or is slow, on two workers alone. Each worker
#             prints, without and with the remedy:
#                 1 worker    [2, 3] [2, 3]
#                 2 workers   [None, 3] [2, 3]
# Remedy:     `.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))` on a dataset
#             that does not end.
#
# Makes an environment in a temporary folder, runs the program below, fails if the output changes.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet tensorflow==2.21.0

cat > "$folder/program.py" <<'PROGRAM'
import json
import os
import sys

import tensorflow as tf

index, *ports = map(int, sys.argv[1:])
workers = [f"localhost:{port}" for port in ports]
os.environ["TF_CONFIG"] = json.dumps(
    {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
)
strategy = tf.distribute.MultiWorkerMirroredStrategy()


def traced_shape(is_asserted):
    rows = tf.data.Dataset.range(10**9).filter(lambda number: number % 2 == 0)
    batches = rows.map(lambda number: tf.fill([3], number)).batch(2, drop_remainder=True)
    assert batches.element_spec.shape == [2, 3]
    if is_asserted:
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        batches = batches.apply(endless)
    shapes = []

    @tf.function
    def step(iterator):
        strategy.run(lambda batch: shapes.append(batch.shape.as_list()), args=(next(iterator),))

    step(iter(strategy.distribute_datasets_from_function(lambda context: batches)))
    return shapes[0]


print(traced_shape(False), traced_shape(True))
PROGRAM

free_ports() {
  python3 -c 'import socket
sockets = [socket.socket() for _ in range(2)]
[each.bind(("localhost", 0)) for each in sockets]
print(*(each.getsockname()[1] for each in sockets))'
}
run() { TF_CPP_MIN_LOG_LEVEL=3 timeout 300 "$folder/venv/bin/python" "$folder/program.py" "$@" 2>"$folder/log$1"; }

read -r first second < <(free_ports)
alone="$(run 0 "$first")"
run 1 "$first" "$second" > "$folder/second" &
of_first="$(run 0 "$first" "$second")"
wait
of_second="$(cat "$folder/second")"
printf '1 worker    %s\n2 workers   %s\n2 workers   %s\n' "$alone" "$of_first" "$of_second"
if [ "$alone" = "[2, 3] [2, 3]" ] && [ "$of_first" = "[None, 3] [2, 3]" ] && [ "$of_second" = "$of_first" ]; then
  echo "as recorded"
else
  echo "changed: see the head of this file for what was seen" >&2
  exit 1
fi
