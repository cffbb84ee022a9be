"""Settings: read once from `server.toml` and the environment, frozen, and handed to Django."""
