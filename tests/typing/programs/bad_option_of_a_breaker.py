from medianest.resilience import CircuitBreaker

CircuitBreaker("plex", failure_treshold=3)  # wrong
