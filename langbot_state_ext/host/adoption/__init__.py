"""LangBot's own table of state: adopted when the extension attaches, and exported back."""
