"""The Open Inference Protocol, version 2: over HTTP, and over gRPC in `grpc`."""
