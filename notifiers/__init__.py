"""Channels by which people are told: one folder each."""
