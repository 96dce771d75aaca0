"""Images of a user as arrays: folders of classes, IDX files, scikit-learn's digits.

`sources.read_images` is the door.
"""
