"""Clients and use cases of the media servers."""
