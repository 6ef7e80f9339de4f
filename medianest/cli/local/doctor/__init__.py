"""`medianest doctor`: looks at everything that MediaNest needs, and says what to do."""
