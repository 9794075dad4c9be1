"""`RunnerHarness`: runs a runner as LangBot does, in the process of the test."""
