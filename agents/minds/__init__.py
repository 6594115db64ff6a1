"""What a role thinks with."""
