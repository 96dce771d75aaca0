"""The laboratory: measures and learns optimizers. The product never imports it."""
