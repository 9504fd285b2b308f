"""Who may do what in the studio: sign-in, the session cookie, roles, and the guard before every UI event."""
