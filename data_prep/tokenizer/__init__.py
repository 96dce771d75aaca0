"""Text to ids: word rules, vocabulary files, vocabulary learning, the cache of seen words."""
