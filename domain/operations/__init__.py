"""Running the product: API keys, the audit trail, idempotent requests and the feed of events."""
