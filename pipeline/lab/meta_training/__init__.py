"""Meta-training: Mnemosyne's meta-parameters, learned on whole runs of many small tasks."""
