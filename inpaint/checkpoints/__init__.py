"""Weights: tensors read from files and fitted to a network, files fetched and verified, one place or another."""
