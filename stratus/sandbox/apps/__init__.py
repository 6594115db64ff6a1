"""What containers do: the image catalogue, the processes, and the applications built from them."""
