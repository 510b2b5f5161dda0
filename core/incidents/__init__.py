"""The weapon flow: reports, the people sent, their track, the recall."""
