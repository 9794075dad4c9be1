"""Inside LangBot: the only part of this package that imports `langbot`.

The way of a `state.updated`: LangBot validates a runner's result and hands it to its run journal.
`patches` lead the journal's call to `adapter`, which calls `RunLifecycle.update`. That commits it
through the backend before LangBot goes on.
"""
