"""The page: how it all is, for people, and what operators do about it."""
