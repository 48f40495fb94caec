"""The commands of `antifaz`, one file for each, registered by `app`. torch is imported when a command that needs it is called."""
