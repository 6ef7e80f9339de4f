"""What several rooms' tests need: servers to start, things to wait for, values to be sure of."""
