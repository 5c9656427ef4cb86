"""One folder for each Ray Serve deployment, and what they share."""

from deployments.no_reports import report_nothing

# Here, since whatever process runs a part of the service imports this first.
report_nothing()
