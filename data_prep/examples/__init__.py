"""Token ids to records: pairs of segments, masking, tf.train.Example bytes, shards."""
