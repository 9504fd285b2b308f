"""Code that tenants wrote, in processes that can reach nothing."""
