"""Genetec AutoVu: SharpV cameras, the Security Center LPR plug-in, and what is sent for LPR ingestion."""
