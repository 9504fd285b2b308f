"""What people see: Reflex pages, the HTTP API, and the use cases behind them."""
