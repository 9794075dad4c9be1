"""Inside LangBot: the only part of this package that imports `langbot`.

How a `state.updated` travels here: LangBot validates a runner's result and hands it to its run
journal; `patches` lead the journal's call to `adapter`, which gives it to the `RunLifecycle`,
which asks the `StateStore`, which writes it through the backend before LangBot goes on.
"""
