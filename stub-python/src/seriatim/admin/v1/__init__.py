"""The wire contract of the services for people and for tests, as generated code."""
