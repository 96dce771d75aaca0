"""The state of one preparation job on disk: folder, manifest, accounting, progress."""
