"""ONVIF: analytics metadata and event notifications of any conformant camera."""
