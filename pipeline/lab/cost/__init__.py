"""`mnemosyne bench cost`: time, memory and state of one optimizer update."""
