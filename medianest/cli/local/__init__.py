"""The commands that work here, without a running server: on the settings, the instance folder and
the database. Each loads what it needs when it runs, so that lists and completion of commands are
there at once."""
