"""Media files, read and written with PyAV."""
