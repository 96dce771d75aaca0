"""Meta-training: Mnemosyne's meta-parameters, learned on many small outer tasks."""
