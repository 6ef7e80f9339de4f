"""What operators ask for."""

RESILIENCE = "/api/v1/resilience"


VIEWER = {"Authorization": "Bearer the-viewer-token"}
