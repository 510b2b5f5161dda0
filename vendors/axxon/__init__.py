"""AxxonSoft: CAR_PLATE messages."""
