"""Captures: payloads of makes that nobody reads yet, kept, shown, redacted for others, and recognised."""
