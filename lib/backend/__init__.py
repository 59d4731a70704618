"""Theano, opened and mended, and the devices that it computes on."""
