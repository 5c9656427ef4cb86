"""`scoring cluster doctor`: what must hold before the application can run in a cluster."""
