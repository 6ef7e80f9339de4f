"""Redis, and the last good answers that are kept there or in memory."""
