#!/usr/bin/env bash
# tf_keras 2.21: Adafactor keeps a second moment of every weight besides its factors, and
# relative_step=False does not stop its rate from falling.
#
# Versions:   tensorflow 2.21.0, tf-keras 2.21.0, Python 3.10 to 3.12.
# Documented: "has the advantage of taking less memory because it only saves partial information of
#             previous gradients"; with `relative_step=True` a constant rate is adjusted by the
#             iterations (docstring of `Adafactor`), so without it it should not be.
# Seen:       beside the row and column factors `r` and `c`, `build` makes `v` in the shape of the
#             variable: for a [1000, 1000] kernel 1,002,000 floats, where RMSprop has 1,000,000. The
#             step is taken with min(rate, 1 / sqrt(step)) whatever `relative_step` says. Steps 1
#             and 100 on weights of 1 with gradients of 1 and the constant rate 1:
#                 relative_step=True    1.00 0.10
#                 relative_step=False   1.00 0.10
# Remedy:     do not choose this class for its memory. For a fixed rate give a schedule whose value
#             is below 1 / sqrt(step), or a subclass with a step of its own.
#
# Makes an environment in a temporary folder, runs the program below, fails if the output changes.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet tensorflow==2.21.0 tf-keras==2.21.0

cat > "$folder/program.py" <<'PROGRAM'
import tensorflow as tf
import tf_keras as keras


def floats_of_state(optimizer):
    kernel = tf.Variable(tf.ones([1000, 1000]))
    optimizer.build([kernel])
    return sum(tf.size(each).numpy() for each in optimizer.variables if each.dtype == tf.float32)


def step_sizes(relative_step):
    """Of steps 1 and 100, on weights that are set back to 1 before each."""
    weights = tf.Variable(tf.ones([2, 2]))
    optimizer = keras.optimizers.Adafactor(1.0, relative_step=relative_step)
    sizes = []
    for _ in range(100):
        weights.assign(tf.ones([2, 2]))
        optimizer.apply_gradients([(tf.ones([2, 2]), weights)])
        sizes.append(1.0 - float(weights[0, 0]))
    return f"{sizes[0]:.2f} {sizes[-1]:.2f}"


print("floats", floats_of_state(keras.optimizers.Adafactor()), end=" ")
print(floats_of_state(keras.optimizers.RMSprop()))
print("relative", step_sizes(True))
print("fixed", step_sizes(False))
PROGRAM

seen="$(TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/program.py" 2>/dev/null)"
expected=$'floats 1002000 1000000\nrelative 1.00 0.10\nfixed 1.00 0.10'
echo "$seen"
if [ "$seen" = "$expected" ]; then
  echo "as described: a full second moment, and a rate that falls as 1 / sqrt(step) in both"
else
  echo "changed: expected"; echo "$expected"; exit 1
fi
