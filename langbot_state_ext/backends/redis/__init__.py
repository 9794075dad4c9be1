"""`redis://`, `rediss://`, `valkey://`: state that several LangBots share, in memory."""
