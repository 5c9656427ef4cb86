"""The application on Kubernetes: its image, its objects, and what one does with them."""
