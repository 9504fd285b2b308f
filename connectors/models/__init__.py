"""Models: LiteLLM behind our own policy, tiers, keys and prices; and the built-in demo model."""
