"""What the first bytes of a file say: its compression, and its kind."""
