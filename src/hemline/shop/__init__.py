"""The shop's data: reading it, its ids, its histories, its splits, and a simulated one."""
