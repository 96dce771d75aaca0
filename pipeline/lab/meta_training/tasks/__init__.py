"""Outer tasks: data, a model, and a loss as a pure function of weights."""
