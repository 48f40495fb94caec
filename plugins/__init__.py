"""The plugins that come with Antifaz; each is found by its entry point, like a stranger's."""
