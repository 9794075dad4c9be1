"""What the components of LangBot's plugin share; they use the public API of the store only."""
