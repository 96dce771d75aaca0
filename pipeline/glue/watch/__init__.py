"""`mnemosyne glue --watch`: scores of the checkpoints of a pre-training run while it goes on."""
