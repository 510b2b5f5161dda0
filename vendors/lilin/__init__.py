"""LILIN: LPR messages."""
