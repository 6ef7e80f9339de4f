"""The durable queue: operations that are done later, exactly once."""
