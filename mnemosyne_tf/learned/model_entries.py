"""The learned part at the level of the model: what it reads, what it moves, and its entries.

Every tensor has one token. What goes into it are sensors, which its own updates left behind, and
descriptors, which never change. What comes out are bounded log-offsets to its levers.
"""

from mnemosyne_tf.parameter_roles import ROLES

# Lever: the largest log-offset. The rate times at most e^2; one minus the momentum decay times at
# most e, so that a decay of 0.9 stays between 0.73 and 0.96; weight decay times at most e^2.
LEVERS = {"rate": 2.0, "momentum": 1.0, "decay": 2.0}
# What an update measures of its tensor, all means over its coordinates; see `sensors`.
READINGS = ("gradient", "momentum", "agreement", "signal", "radial", "ratio")
# Steps over which the readings are averaged.
WINDOWS = (5, 50, 500)
# Of every reading but the first its level; of every one two trends.
NUM_SENSORS = 3 * len(READINGS) - 1
# Kept of each tensor: how often it moved, the logarithm of what its momentum keeps, averages.
NUM_COUNTERS = 2
NUM_KEPT = NUM_COUNTERS + len(WINDOWS) * len(READINGS)
# After the one-hot role; see `descriptors`.
DESCRIPTORS = ("rank", "fan_in", "fan_out", "size", "depth", "has_layer_number", "num_tensors",
               "is_matrix", "is_decayed")  # fmt: skip
# And of the run: whether its length is known, and the fraction done.
NUM_PROGRESS = 2
NUM_INPUTS = NUM_SENSORS + len(ROLES) + len(DESCRIPTORS) + NUM_PROGRESS
# Zero before training: offsets by token, and offsets by role that are the same in every step.
TOKEN_HEAD, ROLE_HEAD = "lever_head/kernel", "lever_head/roles"
ZERO_HEADS = (TOKEN_HEAD, ROLE_HEAD)


def embedding_shapes(width: int) -> dict[str, tuple[int, ...]]:
    """Entries that make a token of its inputs."""
    return {"tensor/embedding": (NUM_INPUTS, width), "tensor/bias": (width,)}


def head_shapes(width: int) -> dict[str, tuple[int, ...]]:
    """Entries that make offsets of a token, and of a role."""
    return {TOKEN_HEAD: (width, len(LEVERS)), ROLE_HEAD: (len(ROLES), len(LEVERS))}
