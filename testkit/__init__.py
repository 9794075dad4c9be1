"""Real servers, a real LangBot and fake outside services: for demo, tests and bench."""
