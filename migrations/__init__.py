"""Schema migrations, one file a step: versions/<number>_<words>.py, numbered without gaps, history is a line.

A new step: copy the head of the last file, raise `revision`, set `down_revision`, write the SQL of both directions by
hand, and change the tables.py beside the code: tests/db compares the two. A new table with a vendor_id needs row-level
security, its two policies and its grants (0001 shows them), and statements that touch rows need
`SET LOCAL ROLE tangkapin_system` first, since the migrating user owns the tables and sees no row.
"""
