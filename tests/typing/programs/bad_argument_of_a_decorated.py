from medianest.resilience import CircuitBreaker


@CircuitBreaker("plex")
def titles(library: str, limit: int = 10) -> list[str]:
    return [library] * limit


titles("films", limit="3")  # wrong
titles()  # wrong
number: int = titles("films")  # wrong
