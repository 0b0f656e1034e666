"""Reading and writing scores."""
