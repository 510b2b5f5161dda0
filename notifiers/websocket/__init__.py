"""Tangkapin's own websocket."""
