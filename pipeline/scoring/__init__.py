"""`mnemosyne score`: how probable a masked language model finds sentences and words."""
