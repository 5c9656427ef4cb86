"""The container image of all pods: what it is made of, its name, how it is built, and what is in it."""
