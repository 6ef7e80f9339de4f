"""The command line against one running server."""
