"""Guards around the views of Flask apps, admission at their door, an end to what waits."""
