"""Records to batches: readers, dynamic masking, order, and what a set of records looks like."""
