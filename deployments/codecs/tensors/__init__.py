"""Tensors of the Open Inference Protocol, in JSON and binary, whatever transport they come by."""
