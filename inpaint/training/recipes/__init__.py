"""One file for each model that can be trained: what its networks are to do in one step, as its paper says it."""
