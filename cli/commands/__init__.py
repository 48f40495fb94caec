"""The commands of `antifaz`, one file for each, registered by `app`. A command imports torch, where it needs it, when it is called."""
