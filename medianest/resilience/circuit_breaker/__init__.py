"""The circuit breaker, from what its callers see down to the window of its last calls."""
