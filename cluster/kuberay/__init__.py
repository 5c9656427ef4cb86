"""The client of KubeRay: what is in the cluster, applied, followed, read, changed back and deleted."""
