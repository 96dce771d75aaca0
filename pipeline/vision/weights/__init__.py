"""Pre-trained vision transformers: ONNX files, Hugging Face's folders, and folders of ours.

`read.read_weights` is the door. Nothing of a file is executed, and all names and shapes are checked
before the first tensor is read.
"""
