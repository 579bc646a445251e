"""From a picture and its hole to a patch for a model, and back."""
