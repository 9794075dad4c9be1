"""`postgresql://`: state that several LangBots share."""
