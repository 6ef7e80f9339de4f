"""The commands that ask the running server. They know click and the standard library alone, so that
each is there at once."""
