"""The Kubernetes objects that make the application a service, from one set of settings."""
