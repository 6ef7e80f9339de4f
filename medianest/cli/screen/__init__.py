"""What people see: words, marks and tables in a terminal."""
