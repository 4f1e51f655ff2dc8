"""What people and tests ask of a host, by version."""
