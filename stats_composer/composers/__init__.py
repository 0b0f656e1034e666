"""Composers: an encoder, models and a sampler behind `compose` and `harmonize`."""
