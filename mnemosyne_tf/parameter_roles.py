"""The role of a variable in its model, and what follows: path, decay, rate, horizon.

A Keras 2 optimizer sees variables, not layers. So a role is found from, in this order:

1. `parameter_roles`, the user's table of patterns;
2. the variable's own name, the last segment of its path, where it says what the variable is
   ("kernel", "bias", "gamma", "word_embeddings");
3. its shape: ranks 0 and 1 are elementwise (and decayed, unless a name says bias or norm); a
   kernel that is too thin to be orthogonalised is a readout;
4. the layer, the segment before the own name, taken whole: it tells kernels apart, and norms from
   other vectors.

Segments further up, such as the name of the model, say nothing: a kernel in a model `embedding_net`
is a kernel.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MATRIX = "matrix"
ELEMENTWISE = "elementwise"
MIN_MATRIX_DIM = 8
MAX_ASPECT_RATIO = 32


class Treatment(NamedTuple):
    """What follows from a role.

    Attributes:
        path: "matrix", the direction is orthogonalised; or "elementwise".
        decayed: whether weight decay applies.
        has_entries: whether a rate and a horizon of its own are among the meta-parameters.
    """

    path: str
    decayed: bool
    has_entries: bool = True


WORD_TABLE, POSITION_TABLE, TABLE = "word table", "position table", "table"
QUERY_KEY, VALUE_OUTPUT = "query/key", "value/output"
FEED_FORWARD_IN, FEED_FORWARD_OUT = "feed-forward in", "feed-forward out"
KERNEL, READOUT = "kernel", "readout"
NORM, BIAS, OTHER = "norm", "bias", "other"

# The one table: which role takes which path, which is decayed, and which has a rate and a horizon
# of its own: all but those that say nothing of what a variable does.
ROLES = {
    WORD_TABLE: Treatment(ELEMENTWISE, decayed=True),
    POSITION_TABLE: Treatment(ELEMENTWISE, decayed=True),
    TABLE: Treatment(ELEMENTWISE, decayed=True),
    QUERY_KEY: Treatment(MATRIX, decayed=True),
    VALUE_OUTPUT: Treatment(MATRIX, decayed=True),
    FEED_FORWARD_IN: Treatment(MATRIX, decayed=True),
    FEED_FORWARD_OUT: Treatment(MATRIX, decayed=True),
    KERNEL: Treatment(MATRIX, decayed=True, has_entries=False),
    READOUT: Treatment(ELEMENTWISE, decayed=True),
    NORM: Treatment(ELEMENTWISE, decayed=False),
    BIAS: Treatment(ELEMENTWISE, decayed=False),
    OTHER: Treatment(ELEMENTWISE, decayed=True, has_entries=False),
}
TABLES = (WORD_TABLE, POSITION_TABLE, TABLE)


def _entries(kind: str) -> dict[str, str]:
    with_entries = [role for role, treatment in ROLES.items() if treatment.has_entries]
    return {role: f"rule/{kind}/{re.sub('[ /-]', '_', role)}" for role in with_entries}


# Role: the meta-parameter that is its rate, and the one that is its horizon, each a factor on the
# built-in one.
RATE_ENTRIES, HORIZON_ENTRIES = _entries("role_rate"), _entries("role_horizon")

# Of kernels of the role value/output, those whose rows, not columns, belong to heads.
_READS_HEADS = re.compile(r"o(_proj)?|output|attention_output")
_KERNEL_NAME = re.compile(r"(.*_)?kernel")
_BIAS_NAME = re.compile(r"(.*_)?bias")
_NORM_NAME = re.compile(r"gamma|beta|scale")
_TABLE_NAME = re.compile(r"(.*_)?embed(ding)?s?(_table)?")
_NORM_LAYER = re.compile(r".*norm(alization)?(_?\d+)?")
_TABLE_LAYER = re.compile(r"(.*_)?embed(ding)?s?(_\d+)?")
_TABLE_NAME_IN_SUCH_A_LAYER = re.compile(r"weights?|table|(word|token|pos|segment|type).*")
_POSITION = re.compile(r"(.*_)?pos(ition)?(al)?(_.*|s)?")
_WORD = re.compile(r"(.*_)?(word|token)(_(?!type).*|s)?")
# Whole segments: the layer, or the layer and what it is part of.
_LAYERS = (
    (re.compile(r"(.*/)?(query|key|[qk](_proj)?)"), QUERY_KEY),
    (re.compile(r"(.*/)?(value|[vo](_proj)?|attention_output)"), VALUE_OUTPUT),
    (re.compile(r"(.*/)?(\w*attention)/(output|attention_output)"), VALUE_OUTPUT),
    (re.compile(r"(.*/)?(intermediate|fc1|mlp_in|wi|(up|gate)_proj)"), FEED_FORWARD_IN),
    (re.compile(r"(.*/)?(layer_\d+/output|fc2|mlp_out|wo|down_proj)"), FEED_FORWARD_OUT),
    (re.compile(r"(.*/)?lm_head"), READOUT),
)
# For optimizers that know names alone, such as Keras's own: regular expressions for
# `exclude_from_weight_decay(var_names=...)` that find biases and norms by their own names.
UNDECAYED_OWN_NAMES = (r"(^|[/_])bias(:\d+)?$", r"(^|/)(gamma|beta)(:\d+)?$")


class FoundRole(NamedTuple):
    """A key of `ROLES`, and the reason for it in words."""

    role: str
    reason: str


def of_role(meta_params: Mapping[str, Any], entries: Mapping[str, str], role: str) -> Any:
    """The rate or the horizon of a role, `[]`; 1.0, the built-in one, for roles without an entry.

    Args:
        meta_params: entries under `rule/`, each `[]`.
        entries: `RATE_ENTRIES` or `HORIZON_ENTRIES`.
        role: a key of `ROLES`.
    """
    return meta_params[entries[role]] if role in entries else 1.0


def check_roles(parameter_roles: Mapping[str, str]) -> None:
    """Raises ValueError for a pattern that is no regular expression, or an unknown role."""
    for pattern, role in parameter_roles.items():
        if role not in ROLES:
            raise ValueError(
                f"Expected a role among {', '.join(map(repr, ROLES))} for {pattern!r} in "
                f"parameter_roles, received {role!r}."
            )
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(
                f"Expected a name or a regular expression in parameter_roles, received "
                f"{pattern!r}: {error}. Escape what stands for itself with a backslash."
            ) from error


def check_all_found(names: Sequence[str], parameter_roles: Mapping[str, str]) -> None:
    """Raises ValueError for patterns that fit no variable: a role would be lost in silence."""
    lost = [
        pattern for pattern in parameter_roles if not any(_fits(pattern, name) for name in names)
    ]
    if lost:
        raise ValueError(
            f"Expected every pattern of parameter_roles to fit a variable, received {lost}, which "
            f"fit none of {len(names)} variables: {', '.join(names[:5])}, ... Give a variable's "
            "name, or a regular expression that is found in it."
        )


def find_role(
    name: str, shape: Sequence[int], parameter_roles: Mapping[str, str] | None = None
) -> FoundRole:
    """Finds the role of a variable.

    Args:
        name: path of the variable, such as "encoder/layer_0/attention/query/kernel:0".
        shape: its static shape.
        parameter_roles: the user's roles. A key is the name of a variable, or a regular expression
            that is searched in it; the first that fits decides.

    Raises:
        ValueError: the user's role asks to orthogonalise a vector.
    """
    for pattern, role in (parameter_roles or {}).items():
        if _fits(pattern, name):
            if ROLES[role].path == MATRIX and len(shape) < 2:
                raise ValueError(
                    f"Expected a variable of rank 2 or more for the role {role!r}, received "
                    f"{name!r} of shape {list(shape)}. Give it {BIAS!r}, {NORM!r} or {OTHER!r}."
                )
            return FoundRole(role, f"parameter_roles {pattern!r}")
    *above, own = _bare(name).split("/")
    layer = above[-1] if above else ""
    lower, lower_layer = own.lower(), layer.lower()
    if _BIAS_NAME.fullmatch(lower):
        return FoundRole(BIAS, f"named {own!r}")
    if _NORM_NAME.fullmatch(lower) and (len(shape) < 2 or _NORM_LAYER.fullmatch(lower_layer)):
        return FoundRole(NORM, f"named {own!r}")
    if len(shape) < 2:
        if _NORM_LAYER.fullmatch(lower_layer):
            return FoundRole(NORM, f"rank {len(shape)}, layer {layer!r}")
        return FoundRole(OTHER, f"rank {len(shape)}")
    if not all(shape):
        return FoundRole(OTHER, "empty, or its shape is not static")
    if not _KERNEL_NAME.fullmatch(lower):
        if _TABLE_NAME.fullmatch(lower):
            return FoundRole(_table_role(lower, lower_layer), f"named {own!r}")
        if _TABLE_LAYER.fullmatch(lower_layer) and _TABLE_NAME_IN_SUCH_A_LAYER.fullmatch(lower):
            return FoundRole(_table_role(lower, lower_layer), f"layer {layer!r}")
    if thin := why_thin(shape):
        return FoundRole(READOUT, thin)
    layers = "/".join(above).lower()
    for pattern, role in _LAYERS:
        if pattern.fullmatch(layers):
            return FoundRole(role, f"layer {'/'.join(above[-2:])!r}")
    return FoundRole(KERNEL, f"rank {len(shape)}")


def head_axis(name: str, role: str) -> int | None:
    """The side of a kernel that belongs to heads of attention: 0 its rows, 1 its columns, or None.

    Args:
        name: path of the variable.
        role: of `find_role`.
    """
    if role not in (QUERY_KEY, VALUE_OUTPUT):
        return None
    *above, _ = ["", *_bare(name).lower().split("/")]
    return 0 if role == VALUE_OUTPUT and _READS_HEADS.fullmatch(above[-1]) else 1


def why_thin(shape: Sequence[int]) -> str:
    """Why a kernel is not worth orthogonalising; "" for one that is."""
    small, large = sorted(squarest_split(shape))
    if small < MIN_MATRIX_DIM:
        return f"smaller side {small} < {MIN_MATRIX_DIM}"
    if large > MAX_ASPECT_RATIO * small:
        return f"sides {large} / {small} > {MAX_ASPECT_RATIO}"
    return ""


def squarest_split(shape: Sequence[int]) -> tuple[int, int]:
    """The two-dimensional form (fan_in, fan_out) of a kernel that is closest to square.

    The later split on a tie: `[hidden, heads, head_dim]` becomes `[hidden, heads * head_dim]`, a
    convolution `[height, width, in, out]` becomes `[height * width * in, out]`.

    Args:
        shape: of rank 2 or more, without a zero.
    """
    sizes = [int(dim) for dim in shape]
    splits = [(math.prod(sizes[:i]), math.prod(sizes[i:])) for i in range(len(sizes) - 1, 0, -1)]
    return min(splits, key=lambda split: max(split) / min(split))


def _table_role(own: str, layer: str) -> str:
    for segment in (own, layer):
        if _POSITION.fullmatch(segment):
            return POSITION_TABLE
        if _WORD.fullmatch(segment):
            return WORD_TABLE
    return TABLE


def _fits(pattern: str, name: str) -> bool:
    return pattern in (name, _bare(name)) or re.search(pattern, _bare(name)) is not None


def _bare(name: str) -> str:
    """The name without the ":0" of TensorFlow, and without the "/replica_1" of a mirrored copy."""
    return re.sub(r"(/replica_\d+)?(:\d+)?$", "", name)
