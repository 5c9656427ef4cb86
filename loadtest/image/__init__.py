"""Load for the image classifier."""
