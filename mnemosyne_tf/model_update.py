"""The update of all variables of a model, without Keras: `ModelUpdate.init`, then `update`.

What is static is decided once: roles, plans, rates by the size of the model, and which variables
are moved together. Variables of one plan are a stack, which costs one program for all of them.

`ModelUpdate.update` is a pure function of tensors, for loops that are compiled whole and
differentiated. `in_place_update` does the same for `tf.Variable`s and changes them in place.
"""

import collections
import functools
from collections.abc import Callable, Hashable, Mapping, Sequence

import tensorflow as tf

from mnemosyne_tf import position_growth, update_rule
from mnemosyne_tf.learned.heads import output_heads
from mnemosyne_tf.learned.model_level import ModelLevel
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.parameter_roles import (
    HORIZON_ENTRIES,
    RATE_ENTRIES,
    ROLES,
    find_role,
    of_role,
)
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.step_size import scale_rates, step_size
from mnemosyne_tf.update_rule import StepInputs, VariableState
from mnemosyne_tf.variable_plan import plan_variable

# Variables of at most so many coordinates are moved together where they are changed in place: what
# a stack of larger ones copies costs more than the starts of the programs.
MAX_STACKED_COORDS = 2**18


class ModelUpdate:
    """Moves all variables of a model, in the order of `names`.

    Args:
        names: of the variables.
        shapes: their static shapes.
        params: the meta-parameters.
        settings: the user's choices; without a `weight_decay` nothing is decayed.
        orthogonalise: False sends every variable to the elementwise path, where meta-parameters
            without a nominal direction send them all by themselves.
        parameter_roles: the user's roles, see `parameter_roles.find_role`.
        undecayed: variables that are not decayed in any role, by index.
        varied: names of meta-parameters that are given with every `update`; their values in
            `params` are not looked at.

    Raises:
        ValueError: a variable is empty, or its shape is not static.
    """

    def __init__(
        self,
        names: Sequence[str],
        shapes: Sequence[Sequence[int]],
        params: MetaParams,
        settings: RuleSettings,
        *,
        orthogonalise: bool = True,
        parameter_roles: Mapping[str, str] | None = None,
        undecayed: Sequence[int] = (),
        varied: frozenset[str] = frozenset(),
    ):
        self.params, self.settings = params, settings
        structure = params.structure
        self.roles = [
            find_role(name, shape, parameter_roles)
            for name, shape in zip(names, shapes, strict=True)
        ]
        plans = [
            plan_variable(
                name=name,
                shape=shape,
                chunk_size=structure.chunk_size,
                decayed=bool(settings.weight_decay)
                and ROLES[self.roles[index].role].decayed
                and index not in undecayed,
                orthogonalise=orthogonalise and structure.nominal_direction,
                attention_block=settings.attention_block,
                parameter_roles=parameter_roles,
            )
            for index, (name, shape) in enumerate(zip(names, shapes, strict=True))
        ]
        if settings.size_scaling and structure.nominal_direction:
            plans = scale_rates(names, plans, parameter_roles)
        self.plans = plans
        step_head, network = output_heads(params.values)
        self.has_step_head = step_head or "step_head/kernel" in varied
        self.has_memory = structure.use_memory and (
            self.has_step_head or network or "network/output" in varied
        )
        found = [role.role for role in self.roles]
        has_growth = (
            position_growth.EXPONENT in varied or params.values[position_growth.EXPONENT] > 0
        )
        self.followers = position_growth.followers(found, shapes) if has_growth else {}
        self.model_level = ModelLevel(
            params, varied, names=names, roles=found, plans=plans, total_steps=settings.total_steps
        )

    @property
    def has_multipliers(self) -> bool:
        """Whether the learned part moves the length of steps."""
        return self.has_step_head or self.model_level.is_live

    def init(
        self,
        variables: Sequence[tf.Tensor],
        zeros: Callable = lambda variable, part, shape: tf.zeros(shape),
        *,
        keeps_multipliers: bool = False,
    ) -> list[VariableState]:
        """What is kept for each variable before the first step, without its weight.

        Args:
            variables: tensors or variables.
            zeros: `zeros(variable, part, shape)` makes one part of the state, float32.
            keeps_multipliers: whether the learned step multipliers are kept, for logs.
        """
        states = []
        for variable, plan in zip(variables, self.plans, strict=True):
            shapes = {"momentum": plan.shape, "second_moment": plan.shape}
            if self.has_memory:
                shapes["memory"] = (plan.num_chunks, *self.params.structure.memory_shape)
            shapes |= self.model_level.state_shapes()
            if self.has_multipliers and keeps_multipliers:
                shapes["log_multiplier"] = ()
            parts = {part: zeros(variable, part, shape) for part, shape in shapes.items()}
            states.append(VariableState(**{"weight": (), "memory": ()} | parts))
        return states

    def update(
        self,
        gradients: Sequence[tf.Tensor],
        state: Sequence[VariableState],
        variables: Sequence[tf.Tensor],
        inputs: StepInputs,
        meta_params: Mapping[str, tf.Tensor] | None = None,
    ) -> tuple[list[tf.Tensor], list[VariableState]]:
        """One step of all variables, pure; nothing changes when `inputs.finite` is False.

        Args:
            gradients: one for each variable, dense.
            state: from `init` or from the step before.
            variables: the weights, tensors.
            inputs: scalars of the step.
            meta_params: tensors of `params.structure.shapes()`; None for the values of `params`.

        Returns:
            The weights and the state after.
        """
        if meta_params is None:
            meta_params = {name: tf.constant(each) for name, each in self.params.values.items()}
        offsets, memories = self.model_level.read(meta_params, state, inputs)
        before = [
            each._replace(weight=weight, memory=memory)
            for each, weight, memory in zip(state, variables, memories, strict=True)
        ]
        after: list = [None] * len(before)
        kinds = [
            (weight.dtype, gradient.dtype)
            for weight, gradient in zip(variables, gradients, strict=True)
        ]
        for plan, members in self.together(range(len(before)), kinds):
            stacked = self.rule(plan)(
                meta_params,
                tf.stack([gradients[index] for index in members]),
                tf.nest.map_structure(
                    lambda *each: tf.stack(each), *map(before.__getitem__, members)
                ),
                self.inputs_of(members, inputs, meta_params, offsets=offsets, rows=members),
            )
            parts = [tf.unstack(part) for part in tf.nest.flatten(stacked)]
            for index, *of_index in zip(members, *parts, strict=True):
                after[index] = tf.nest.pack_sequence_as(before[index], of_index)
        for index, words in self.followers.items():
            sizes = (
                position_growth.root_mean_square([states[word].weight for word in words])
                for states in (before, after)
            )
            weight = position_growth.grown(
                after[index].weight, *sizes, meta_params[position_growth.EXPONENT]
            )
            after[index] = after[index]._replace(weight=weight)
        return [each.weight for each in after], [each._replace(weight=()) for each in after]

    def inputs_of(
        self,
        indices: Sequence[int],
        inputs: StepInputs,
        meta_params: Mapping[str, tf.Tensor] | None = None,
        *,
        offsets: tf.Tensor | tuple[()] = (),
        rows: Sequence[int] = (),
    ) -> StepInputs:
        """The inputs of a stack: those of the step, and what roles and levers of its variables say.

        Args:
            indices: of its variables.
            inputs: of the step.
            meta_params: as in `update`.
            offsets: of `read_levers`.
            rows: of `offsets`, one for each variable.
        """
        values = self.params.values if meta_params is None else meta_params
        roles = [self.roles[index].role for index in indices]
        rates, horizons = (
            tf.stack([tf.cast(of_role(values, entries, role), tf.float32) for role in roles])
            for entries in (RATE_ENTRIES, HORIZON_ENTRIES)
        )
        if self.model_level.is_live:
            offsets = tf.gather(offsets, list(rows))
        return inputs._replace(role_rates=rates, role_horizons=horizons, offsets=offsets)

    def role_rates(self) -> list[float]:
        """The rate of the role of each variable, a factor on the built-in one."""
        return self._of_roles(RATE_ENTRIES)

    def role_horizons(self) -> list[float]:
        """How many times further back than the built-in averages those of each variable reach."""
        return self._of_roles(HORIZON_ENTRIES)

    def _of_roles(self, entries: Mapping[str, str]) -> list[float]:
        return [float(of_role(self.params.values, entries, found.role)) for found in self.roles]

    def rule(self, plan) -> Callable:
        """`update_rule.update` for the variables of one plan."""
        return functools.partial(
            update_rule.update,
            plan=plan,
            structure=self.params.structure,
            settings=self.settings,
        )

    def together(
        self,
        indices: Sequence[int],
        kinds: Sequence[Hashable],
        max_coords: float = float("inf"),
    ) -> list[tuple]:
        """Which variables are moved together: `(plan, positions in indices)` of each stack.

        Args:
            indices: of the variables that are moved.
            kinds: what else must be equal in a stack, one for each index: dtypes.
            max_coords: variables of more coordinates are moved alone.
        """
        stacks = collections.defaultdict(list)
        for position, (index, kind) in enumerate(zip(indices, kinds, strict=True)):
            plan = self.plans[index]
            alone = plan.num_coords > max_coords
            stacks[plan, kind, index if alone else None].append(position)
        return [(plan, positions) for (plan, *_), positions in stacks.items()]

    def step_sizes(self, step: int, learning_rate: float = 1.0) -> list[float]:
        """The step size of each variable at a step, counted from 0, before learned multipliers."""
        values, settings = self.params.values, self.settings
        kinds = list(zip(self.plans, self.role_rates(), strict=True))
        sizes = {
            (plan, of_role): float(
                step_size(values, plan, settings, float(step), learning_rate, of_role)
            )
            for plan, of_role in dict.fromkeys(kinds)
        }
        return [sizes[kind] for kind in kinds]
