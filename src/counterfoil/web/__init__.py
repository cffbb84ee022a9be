"""What the server shows and takes: views, templates, the API."""
