"""Who is told what: notices, their recipients and deliveries."""
