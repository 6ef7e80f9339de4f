"""The public surfaces of other packages, on this project's resilience library."""
