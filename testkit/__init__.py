"""Real servers, a real LangBot and fake outside services, for the demo, tests and bench."""
