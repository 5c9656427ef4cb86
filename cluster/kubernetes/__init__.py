"""The API of Kubernetes: its objects as plain JSON, by kind, and what may go wrong, in sentences."""
