"""HTTP that is over in time: what sessions of `requests` and health checks ask through."""
