"""What an operator sees of a running server: metrics and spans. They never hold images or clients' words."""
