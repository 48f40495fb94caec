"""Features of pieces, of summary tokens and of pairs."""
