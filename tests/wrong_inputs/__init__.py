"""Wrong inputs by area: each module yields rows (name, call, what the error has to say)."""
