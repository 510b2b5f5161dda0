"""Live channels: websockets fed by Redis streams."""
