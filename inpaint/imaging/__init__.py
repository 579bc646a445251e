"""What pictures and masks are and how they are measured, read, written and drawn. Knows nothing of models."""
