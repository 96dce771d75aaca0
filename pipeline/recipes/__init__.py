"""Recipes: the settings of a run, from YAML to one frozen dataclass."""
