"""Statistical models of integer grids; they know nothing of music."""
