"""The learned part of Mnemosyne: gradient features, encoder, memory, output heads."""
