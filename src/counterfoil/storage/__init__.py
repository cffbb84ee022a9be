"""What the server remembers: Django models, the transactions on them, and stores of objects."""
