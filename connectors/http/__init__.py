"""The one way to addresses that a tenant may choose."""
