import numpy as np

from pipeline.lab.train_speed import batches


def test_masked_positions_of_a_row_are_distinct_and_never_the_first_token():
    features = batches.random_batches(vocab_size=50, batch_size=16, seq_len=10, predictions=6)
    positions = features["masked_lm_positions"]
    assert positions.shape == (batches.NUM_BATCHES, 16, 6)
    assert positions.min() >= 1 and positions.max() <= 9
    assert (np.diff(positions, axis=-1) > 0).all()


def test_features_are_those_of_the_trainer(pretraining_batch):
    features = batches.random_batches(vocab_size=50, batch_size=4, seq_len=10, predictions=3)
    expected = {name: (array.shape, array.dtype) for name, array in pretraining_batch().items()}
    assert {name: (array.shape[1:], array.dtype) for name, array in features.items()} == expected


def test_saved_arrays_are_read_back(tmp_path):
    features = batches.random_batches(vocab_size=50, batch_size=2, seq_len=10, predictions=3)
    read = np.load(batches.save(features, str(tmp_path)))
    for name, array in features.items():
        np.testing.assert_array_equal(read[name], array)
