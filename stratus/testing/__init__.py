"""Public fakes, shipped beside the ports that they stand in for."""
