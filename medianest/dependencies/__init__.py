"""Services that an operator registers while the server runs, and the probe of their health."""
