"""Records to batches: readers, packing, dynamic masking, order, and each worker's part of it."""
