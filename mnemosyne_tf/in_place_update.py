"""Updates of `tf.Variable`s in place, each a compiled program of tensors with writes at its end."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from mnemosyne_tf import position_growth
from mnemosyne_tf.model_update import ModelUpdate


class InPlaceLevers:
    """Reads the levers of all variables of a step before it, and writes their memories.

    Args:
        model: what is decided about the variables.
        values: the meta-parameters, constants of the compiled program.
        compile_with: what compiles a function.
    """

    def __init__(
        self, model: ModelUpdate, values: Mapping[str, np.ndarray], compile_with: Callable
    ):
        self._level = model.model_level

        def read_and_write(states, described, inputs):
            before = tf.nest.map_structure(tf.convert_to_tensor, states)
            constants = {name: tf.constant(value) for name, value in values.items()}
            offsets, memories = self._level.read(constants, before, inputs, described)
            for state, old, new in zip(states, before, memories, strict=True):
                if new is not old.memory:
                    state.memory.assign(new)
            return offsets

        self._compiled = compile_with(read_and_write)

    def __call__(self, indices: Sequence[int], states: Sequence, inputs) -> tf.Tensor:
        """The offsets of this step, `[variables, len(LEVERS)]`.

        Args:
            indices: of the variables that are moved, among all of the model.
            states: theirs, tuples of variables.
            inputs: of the step.
        """
        kept = [each._replace(momentum=(), second_moment=()) for each in states]
        return self._compiled(kept, tf.constant(self._level.descriptors[list(indices)]), inputs)


class InPlaceUpdate:
    """Applies a rule to the states of one or of several variables of one plan.

    Args:
        rule: `rule(meta_params, gradient, state, inputs) -> state`, of tensors, pure; a part of the
            state that it leaves alone must come back as the same object. Given an axis `stack` in
            front of gradient and state, it treats each of the stack by itself.
        values: the meta-parameters, constants of the compiled program.
        compile_with: what compiles a function.
    """

    def __init__(self, rule: Callable, values: Mapping[str, np.ndarray], compile_with: Callable):
        def with_constants(gradient, state, inputs):
            constants = {name: tf.constant(value) for name, value in values.items()}
            return rule(constants, gradient, state, inputs)

        def in_place(gradient, variables, inputs):
            before = tf.nest.map_structure(tf.convert_to_tensor, variables)
            after = with_constants(gradient, before, inputs)
            for variable, old, new in zip(variables, before, after, strict=True):
                if new is not old:
                    variable.assign(new)

        self.in_place = compile_with(in_place)
        self.of_stack = compile_with(with_constants)

    def __call__(self, gradients: Sequence[tf.Tensor], states: Sequence, inputs) -> None:
        """Changes the variables of all `states`; all gradients have one dtype, so have all weights.

        Args:
            gradients: one for each state.
            states: tuples of variables, `()` where there is none.
            inputs: handed to the rule.
        """
        if len(states) == 1:
            self.in_place(gradients[0], states[0], inputs)
            return
        stacked = tf.nest.map_structure(lambda *each: tf.stack(each), *states)
        moved = self.of_stack(tf.stack(gradients), stacked, inputs)
        for values, *variables in zip(*map(tf.nest.flatten, (moved, *states)), strict=True):
            for variable, value in zip(variables, tf.unstack(values), strict=True):
                variable.assign(value)


class InPlaceGrowth:
    """Scales position tables after a step of the word tables that they follow.

    Args:
        model: what is decided about the variables.
        compile_with: what compiles a function.
    """

    def __init__(self, model: ModelUpdate, compile_with: Callable):
        self._followers = model.followers
        exponent = float(model.params.values[position_growth.EXPONENT])

        def follow(positions, before, after):
            moved = position_growth.grown(tf.convert_to_tensor(positions), before, after, exponent)
            positions.assign(moved)

        self._follow = compile_with(follow)
        # One program for before and after: another might round otherwise, and words that have not
        # moved would have grown.
        self._measure = compile_with(
            lambda words: position_growth.root_mean_square(list(map(tf.convert_to_tensor, words)))
        )

    def before(self, weights: Mapping[int, tf.Variable]) -> dict[int, tf.Tensor]:
        """Returns the size of the words that each position table follows, before a step.

        Args:
            weights: the variables that are moved, by their index in the model. A position table
                whose words are not among them is left out.
        """
        return {
            index: self._measure([weights[word] for word in words])
            for index, words in self._followers.items()
            if {index, *words} <= set(weights)
        }

    def after(self, weights: Mapping[int, tf.Variable], before: Mapping[int, tf.Tensor]) -> None:
        """Scales the position tables after the step; `before` is of the method of that name."""
        for index, size in before.items():
            words = [weights[word] for word in self._followers[index]]
            self._follow(weights[index], size, self._measure(words))
