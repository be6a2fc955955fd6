"""Where Accord touches AWS: the tables, the bus, and what every Lambda handler shares."""
