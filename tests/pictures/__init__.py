"""The pictures of the page in the docs, of a real server: well, in trouble and recovered.

`python -m tests.pictures docs/pictures` takes them with the system's Chromium. It takes some four
minutes, as a sparkline shows two. Nothing in them is made up: Plex is really switched off.
"""
