"""Building blocks of the studio's pages."""
