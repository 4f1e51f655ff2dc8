"""The wire contract of Seriatim, as generated code."""
