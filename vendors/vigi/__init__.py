"""TP-Link VIGI: alarms of its cameras and recorders."""
