"""Fine-tuning a vision transformer: `finetune.py` is the story of `mnemosyne vit`.

`weights` reads pre-trained ones, `images` turns files into arrays, `results` writes what came out.
"""
