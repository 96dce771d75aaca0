"""Task files to examples: `tsv` reads one file, `microsoft_paraphrases` the originals of MRPC."""
