"""Intelbras: ITSAPI and eventManager as its LPR and CCTV cameras speak them."""
