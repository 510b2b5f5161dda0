"""Tattile: templated XML or JSON messages of its ANPR cameras."""
