"""The outside world: models, tools, knowledge and HTTP, each behind one policy for timeouts and retries."""
