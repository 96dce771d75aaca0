"""Bytes to documents: input files, compressed streams, lines, layouts, sentences, rejects."""
