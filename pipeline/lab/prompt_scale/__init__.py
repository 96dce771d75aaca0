"""Soft prompts of large T5 models: real steps here, and steps compiled for a TPU."""
