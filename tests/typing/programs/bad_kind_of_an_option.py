from medianest.resilience import CircuitBreaker

CircuitBreaker("plex", counting="windows")  # wrong
CircuitBreaker("tmdb", reset_timeout="30")  # wrong
