"""Folders of images to records of squares; `image_file` decodes one file for whoever needs it."""
