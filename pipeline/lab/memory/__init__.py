"""`mnemosyne bench memory`: what the compact associative memory recalls."""
