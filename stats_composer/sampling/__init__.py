"""Samplers: the exact chain and Gibbs."""
