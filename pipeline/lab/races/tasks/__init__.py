"""What optimizers are compared on: data, a model, a batch size and a number of steps."""
