import io

import numpy as np
from PIL import Image

from pipeline.vision import pictures
from pipeline.vision.images.image_set import ImageSet, Split


def heldout(count, classes=("a $x$", "b")):
    images = np.zeros((count, 4, 4, 1), np.uint8)
    split = Split(images, np.zeros(count, np.int32), tuple(map(str, range(count))))
    return ImageSet("little", classes, split, split, mirrored=True)


def size_of(png):
    return Image.open(io.BytesIO(png)).size


def test_right_answers_have_no_picture():
    logits = np.tile([1.0, 0.0], (5, 1)).astype(np.float32)
    assert pictures.misclassified(heldout(5), logits) is None


def test_a_page_of_wrong_answers_grows_to_four_rows_and_no_further():
    heights = []
    for count in (1, 24, 60):
        logits = np.tile([0.0, 1.0], (count, 1)).astype(np.float32)
        heights.append(size_of(pictures.misclassified(heldout(count), logits))[1])
    assert heights[0] * 4 == heights[1] == heights[2]


def test_any_number_of_classes_has_a_matrix():
    for count in (2, 21, 1_000):
        names = tuple(f"class {i} with a long name" for i in range(count))
        width, height = size_of(pictures.confusion(np.eye(count, dtype=int).tolist(), names))
        assert max(width, height) <= 12 * 110
