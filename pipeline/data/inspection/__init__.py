"""What a set of records looks like: records and statistics as text for a terminal."""
