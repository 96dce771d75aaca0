"""From a rule on tensors to one on variables: in place for one, together for several.

A program for a stack of small variables costs one start for all of them. Large ones are better
changed in place, one after the other: what a stack copies costs more than the starts.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf


class StackedUpdate:
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
