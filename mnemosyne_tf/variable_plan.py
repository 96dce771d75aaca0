"""What is decided once about the update of a variable, from its role and static shape.

Roles, and which path each takes, are in `parameter_roles`.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from tabulate import tabulate

from mnemosyne_tf.parameter_roles import (
    ELEMENTWISE,
    MATRIX,
    ROLES,
    FoundRole,
    find_role,
    head_axis,
    squarest_split,
)

# Shortest chunk, as a fraction of the chunk size, that is preferred to padding.
MIN_FILL = 0.7


@dataclasses.dataclass(frozen=True)
class VariablePlan:
    """Everything static about the update of one variable; equal plans share one compiled function.

    Attributes:
        shape: shape of the variable.
        matrix_shape: (fan_in, fan_out) when the direction is orthogonalised, else None.
        num_chunks: meta-tokens of the variable.
        chunk_len: coordinates in a chunk; the last chunk may be shorter.
        decayed: whether weight decay applies.
        blocks: in how many the rows and columns of a matrix are cut, each orthogonalised alone.
        rate_scale: factor on the built-in rate from the size of the model (`step_size`).
    """

    shape: tuple[int, ...]
    matrix_shape: tuple[int, int] | None
    num_chunks: int
    chunk_len: int
    decayed: bool
    blocks: tuple[int, int] = (1, 1)
    rate_scale: float = 1.0

    @property
    def path(self) -> str:
        """Either "matrix" or "elementwise"."""
        return ELEMENTWISE if self.matrix_shape is None else MATRIX

    @property
    def num_coords(self) -> int:
        """Coordinates of the variable."""
        return math.prod(self.shape)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Shape in which chunks are pooled: only splits of the variable's own shape, if possible.

        A chunk is a whole number of rows, `(num_chunks, rows, row_len)`, or a row a whole number of
        chunks, `(rows, chunks, chunk_len)`; else it is `(num_chunks, 1, chunk_len)`, and compiled
        loops must divide to find a coordinate.
        """
        row_len = self.shape[-1] if self.shape else 1
        if not self.padding and self.chunk_len % row_len == 0:
            return self.num_chunks, self.chunk_len // row_len, row_len
        if not self.padding and row_len % self.chunk_len == 0:
            return self.num_coords // row_len, row_len // self.chunk_len, self.chunk_len
        return self.num_chunks, 1, self.chunk_len

    @property
    def chunk_grid(self) -> tuple[int, int, int]:
        """Shape of one number a chunk, which broadcasts against `grid`."""
        rows, columns, _ = self.grid
        return (rows, 1, 1) if rows == self.num_chunks else (rows, columns, 1)

    @property
    def padding(self) -> int:
        """Coordinates that the last chunk lacks."""
        return self.num_chunks * self.chunk_len - self.num_coords

    @property
    def chunk_counts(self) -> tuple[int, ...]:
        """Real coordinates in each chunk."""
        last = self.num_coords - (self.num_chunks - 1) * self.chunk_len
        return (self.chunk_len,) * (self.num_chunks - 1) + (last,)


def split_chunks(num_coords: int, chunk_size: int) -> tuple[int, int]:
    """Cuts a vector into chunks of at most `chunk_size`, as even as they can be.

    Chunks of one length cost neither padding nor a mask in every pass over the coordinates, so the
    longest length that divides the vector is taken, unless it is below 0.7 of `chunk_size`: each
    chunk has a memory. Then it is the fewest chunks that do.

    Args:
        num_coords: coordinates of the variable, at least 1.
        chunk_size: longest chunk allowed, at least 1.

    Returns:
        (num_chunks, chunk_len); the last chunk holds what is left and is never empty.

    Example: 10 coordinates with chunk_size 4 give 3 chunks of 4, 4 and 2; with chunk_size 6 they
    give 2 of 5; 30522 * 768 with 1024 give 30522 of 768.
    """
    fewest = math.ceil(num_coords / chunk_size)
    for num_chunks in range(fewest, math.floor(num_coords / (MIN_FILL * chunk_size)) + 1):
        if num_coords % num_chunks == 0:
            return num_chunks, num_coords // num_chunks
    return fewest, math.ceil(num_coords / fewest)


def matrix_shape(
    name: str, shape: Sequence[int], parameter_roles: Mapping[str, str] | None = None
) -> tuple[int, int] | None:
    """The two-dimensional form in which a variable is orthogonalised, or None for elementwise.

    Args:
        name, shape, parameter_roles: as in `parameter_roles.find_role`.
    """
    role, _ = find_role(name, shape, parameter_roles)
    return squarest_split(shape) if ROLES[role].path == MATRIX else None


def head_blocks(
    name: str, shape: Sequence[int], role: str, attention_block: int | None
) -> tuple[int, int]:
    """In how many blocks the rows and the columns of a kernel are cut.

    Args:
        name, shape: of the variable.
        role: of `find_role`.
        attention_block: see `RuleSettings`.
    """
    axis = head_axis(name, role)
    if attention_block is None or axis is None:
        return 1, 1
    side = squarest_split(shape)[axis]
    count = 1 if side % attention_block else side // attention_block
    return (count, 1) if axis == 0 else (1, count)


def plan_variable(
    *,
    name: str,
    shape: Sequence[int],
    chunk_size: int,
    decayed: bool,
    orthogonalise: bool,
    attention_block: int | None = None,
    parameter_roles: Mapping[str, str] | None = None,
) -> VariablePlan:
    """Plans the update of one variable.

    Args:
        name: name of the variable.
        shape: its static shape.
        chunk_size: longest chunk of the hierarchical pooling encoder.
        decayed: whether weight decay applies.
        orthogonalise: False sends every variable to the elementwise path.
        attention_block: see `RuleSettings`.
        parameter_roles: the user's roles, see `parameter_roles.find_role`.

    Raises:
        ValueError: the shape is not static, or the variable is empty.
    """
    if any(dim is None for dim in shape) or 0 in shape:
        raise ValueError(
            f"Mnemosyne expected variable {name!r} with a static shape that holds at least one "
            f"coordinate, received shape {tuple(shape)}. Build the layer with concrete, non-empty "
            "shapes, or leave this variable out of the optimizer."
        )
    shape = tuple(int(dim) for dim in shape)
    num_chunks, chunk_len = split_chunks(math.prod(shape), chunk_size)
    role, _ = find_role(name, shape, parameter_roles)
    is_matrix = orthogonalise and ROLES[role].path == MATRIX
    return VariablePlan(
        shape=shape,
        matrix_shape=squarest_split(shape) if is_matrix else None,
        blocks=head_blocks(name, shape, role, attention_block) if is_matrix else (1, 1),
        num_chunks=num_chunks,
        chunk_len=chunk_len,
        decayed=decayed,
    )


def summarise(
    names: Sequence[str],
    plans: Sequence[VariablePlan],
    roles: Sequence[FoundRole],
    state_floats: Sequence[int],
    step_sizes: tuple[int, Sequence[float]] | None = None,
    role_rates: Sequence[float] | None = None,
    role_horizons: Sequence[float] | None = None,
) -> list[str]:
    """Lines of a table: one row per variable, then the totals.

    Args:
        names: names of the variables.
        plans: their plans.
        roles: their roles, and why.
        state_floats: float32 numbers that the optimizer keeps for each.
        step_sizes: a step, and the step size of each variable at it.
        role_rates: the rate of each variable's role; None for 1.
        role_horizons: the horizon of each variable's role; None for 1.
    """
    rows = []
    rates = role_rates or [1.0] * len(plans)
    horizons = role_horizons or [1.0] * len(plans)
    for name, plan, role, floats, rate, horizon in zip(
        names, plans, roles, state_floats, rates, horizons, strict=True
    ):
        path = plan.path
        if plan.matrix_shape is not None:
            path += " {} x {}".format(*plan.matrix_shape)
            path += f", {math.prod(plan.blocks)} blocks" if plan.blocks != (1, 1) else ""
        row = [name, str(list(plan.shape)), role.role, role.reason, path]
        row += [f"x {plan.rate_scale * rate:.3g}", f"x {horizon:.3g}"]
        if step_sizes:
            row.append(f"{step_sizes[1][len(rows)]:.3g}")
        row += [f"{plan.num_chunks} x {plan.chunk_len}", "yes" if plan.decayed else "no"]
        rows.append([*row, f"{4 * floats:,}"])
    headers = ["variable", "shape", "role", "because", "path", "rate", "horizon"]
    headers += [f"step size at {step_sizes[0]:,}"] if step_sizes else []
    headers += ["chunks", "decay", "state bytes"]
    lines = tabulate(rows, headers, tablefmt="plain", disable_numparse=True).splitlines()
    weights, total = sum(plan.num_coords for plan in plans), sum(state_floats)
    totals = (
        f"{len(plans)} variables, {weights:,} weights, {4 * total:,} bytes of state "
        f"({total / max(weights, 1):.2f} floats per weight)"
    )
    return [*(line.rstrip() for line in lines), totals]
