"""A LangBot of a few milliseconds, for tests of runners."""
