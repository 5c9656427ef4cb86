"""Protocols over HTTP: how requests are read and answers written."""
