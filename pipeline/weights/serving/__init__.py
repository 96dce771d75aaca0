"""Models to serve: strings in, without this package."""
