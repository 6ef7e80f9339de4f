"""The command line: the command `medianest`, and the same as `flask medianest`."""
