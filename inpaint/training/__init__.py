"""Training the zoo's networks: data and masks, losses, critics, a recipe for each model, the loop they share."""
