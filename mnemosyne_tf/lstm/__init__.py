"""The LSTM optimizers that Mnemosyne is compared with."""
