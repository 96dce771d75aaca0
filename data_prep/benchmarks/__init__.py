"""What `mnemosyne bench prepare` needs of Beam and of our readers; nothing else uses it.

`text_sample` writes some megabytes of a corpus, `idiomatic_beam` is a pipeline to compare with.
They stand here because only `data_prep` may import Beam; the bench runs them by name.
"""
