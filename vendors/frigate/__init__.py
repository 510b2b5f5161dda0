"""Frigate NVR: its MQTT messages, posted by a bridge, and its event list."""
