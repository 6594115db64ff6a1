"""What the API knows about each kind: fields, defaults, validation, immutability and merge keys."""
