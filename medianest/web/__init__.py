"""The HTTP API: what is asked, what is answered, who may ask."""
