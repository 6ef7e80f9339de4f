from medianest.resilience import ResilienceService

service = ResilienceService()
service.register_dependency("plex", circuit_breaker={"treshold": 3})  # wrong
