"""Tests the tests: small faults are put into the code one by one, and a test should notice each."""
