"""The HTTP API: one FastAPI app, mounted beside the studio's pages on the same port."""
