"""Axis: License Plate Verifier (ALPV) and FF Group CAMMRA."""
