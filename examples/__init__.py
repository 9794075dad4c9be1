"""The demo, and the plugins that it shows."""
