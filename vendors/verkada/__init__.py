"""Verkada Command: webhooks."""
