"""What stands between two matrix products of a transformer, one function each.

A function takes tensors, never variables, and returns tensors; its gradient is written by hand and
computes again what is cheaper to compute than to keep. Means, variances, softmax and losses are
float32 regardless of the dtype of the inputs, and so are the gradients of biases, gains and
embedding tables. One definition serves every device (`models.fused.compilation`).
"""
