"""`mnemosyne bench vit_speed`: images fine-tuned per CPU second, ours and other libraries'."""
