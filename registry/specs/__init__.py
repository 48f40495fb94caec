"""From plain data to typed specs, strictly; the JSON Schema of both."""
