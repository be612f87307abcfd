"""Learns to read handwritten digits; train.py puts the pieces together."""
