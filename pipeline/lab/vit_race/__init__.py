"""Mnemosyne with nothing set against swept baselines, on vision transformers, by accuracy."""
