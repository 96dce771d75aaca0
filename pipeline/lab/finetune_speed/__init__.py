"""`mnemosyne bench finetune`: examples fine-tuned per CPU second, ours and other libraries'."""
