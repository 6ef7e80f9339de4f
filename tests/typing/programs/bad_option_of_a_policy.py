from medianest.resilience import Policy, ResilienceService

service = ResilienceService()
service.register_dependency("plex", timout=5)  # wrong
service.register_dependency("tmdb", criticality="vital")  # wrong
Policy(retries=3)  # wrong
