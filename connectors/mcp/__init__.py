"""Model Context Protocol: tools of remote servers, over HTTP only (a local server would be a program that we start)."""
