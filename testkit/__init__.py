"""Real servers, a real LangBot and fake external services, for the demo, tests and bench."""
