"""The Open Inference Protocol, version 2, over gRPC."""

# Ray has every replica listen for gRPC on all addresses of the machine, whatever address the service listens on. Where
# that is the loopback address, this variable has replicas refuse who comes from elsewhere.
ONLY_LOOPBACK = "SCORING_GRPC_ONLY_LOOPBACK"
