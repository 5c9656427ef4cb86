"""What the application runs on in Azure, as a Pulumi program: docs/aks.md."""
