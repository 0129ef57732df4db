"""What a shop's data, and what was found in it, look like."""
