"""Known vulnerabilities in the locked packages, by the database of OSV and a policy of what is accepted until when."""
