"""Numba kernels: pure functions of arrays, scalars and uniforms."""
