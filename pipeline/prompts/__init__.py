"""Soft prompts: a few trained vectors before the text of a frozen model (`mnemosyne prompt`)."""
