"""Real steps of large vision transformers on one machine: `mnemosyne bench vit`."""
