"""LangBot's own state table: adopted when the extension attaches, and exported back."""
