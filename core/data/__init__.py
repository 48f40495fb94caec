"""From media files to batches: decoding, clips, samples, caching, loading. Importing the package imports no torch."""
