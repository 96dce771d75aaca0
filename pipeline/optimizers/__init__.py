"""Every optimizer that a recipe can name, and those among them that Keras 2 does not have.

`table` has one row each, `from_recipe` makes one, `base` is what LAMB, Muon, NAdamW and
Schedule-Free AdamW share, `schedules` has their learning rates.
"""
