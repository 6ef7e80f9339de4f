from medianest.resilience import ResilienceService

service = ResilienceService()


@service.protected("plex")
def libraries(owner: str) -> list[str]:
    return [owner]


libraries(owner=5)  # wrong
service.execute("plex", libraries, "me", hidden=True)  # wrong
found: list[int] = service.execute("plex", libraries, "me")  # wrong
service.execute_with_retry(lambda: 1, max_atempts=2)  # wrong
