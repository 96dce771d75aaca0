"""`mnemosyne bench train`: training steps per CPU second, ours and other libraries'."""
