"""Widgets of our own: paint a mask, look at fills side by side, place a cut-out."""
