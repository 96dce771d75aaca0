"""Mnemosyne with nothing set against swept baselines, on soft prompts of frozen encoders."""
