"""Requests of the Open Inference Protocol, made from what a model says of itself, and the answers to them."""
