#!/usr/bin/env bash
# tf_keras 2.21: an exclusion from weight decay by a variable's full name holds on the first replica only.
#
# Versions:   tensorflow 2.21.0, tf-keras 2.21.0, Python 3.10 to 3.12; two logical CPU devices.
# Documented: a variable in whose name one of the strings `var_names` appears is not decayed
#             (docstring of `Optimizer.exclude_from_weight_decay`).
# Seen:       under MirroredStrategy the optimizer compares with the name of each replica's copy.
#             `variable.name` is "bias:0", its second copy is "bias/replica_1:0", which does not hold
#             "bias:0". So the first replica keeps the weight and the second decays it: copies of one
#             variable differ from then on, without an error. "bias" (no ":0") and `var_list=` hold
#             on both. After one AdamW step with a gradient of zero, rate 0.1, decay 0.5:
#                 var_names=["bias"]           1.00 1.00
#                 var_list=[variable]          1.00 1.00
#                 var_names=[variable.name]    1.00 0.95
# Remedy:     name a part of the name in front of the colon, or give `var_list`.
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

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def copies_after_one_step(exclusion):
    with strategy.scope():
        variable = tf.Variable([1.0], name="bias")
        optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(**exclusion(variable))
        optimizer.build([variable])

    @tf.function
    def step():
        strategy.run(lambda: optimizer.apply_gradients([(tf.zeros([1]), variable)]))

    step()
    return [float(copy.numpy()[0]) for copy in strategy.experimental_local_results(variable)]


for name, exclusion in {
    "part": lambda variable: {"var_names": ["bias"]},
    "list": lambda variable: {"var_list": [variable]},
    "full": lambda variable: {"var_names": [variable.name]},
}.items():
    print(name, *(f"{value:.2f}" for value in copies_after_one_step(exclusion)))
PROGRAM

seen="$(TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/program.py" 2>/dev/null)"
expected=$'part 1.00 1.00\nlist 1.00 1.00\nfull 1.00 0.95'
echo "$seen"
if [ "$seen" = "$expected" ]; then
  echo "as described: excluded by its full name, the second copy is decayed"
else
  echo "changed: expected"; echo "$expected"; exit 1
fi
