"""Load for the FAQ."""
