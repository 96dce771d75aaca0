"""Optimizers compared on the same tasks: sweeps, final losses, steps to a target loss."""
