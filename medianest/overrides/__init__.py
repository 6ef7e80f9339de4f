"""What operators want of circuit breakers, kept so that it outlives the process."""
