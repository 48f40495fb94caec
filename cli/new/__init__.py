"""`antifaz new`: a plugin of your own, with its tests."""
