"""`mnemosyne predict`: labels and probabilities for the rows of a file."""
