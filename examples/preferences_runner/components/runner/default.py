"""A runner that greets each person in the language and tone that they have asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Literal

from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import Message

from langbot_state_ext.runner import StateModel

Language = Literal["en", "fr", "zh"]
Tone = Literal["formal", "casual"]

GREETINGS: dict[tuple[Language, Tone], str] = {
    ("en", "formal"): "Good day, {}.",
    ("en", "casual"): "Hi {}!",
    ("fr", "formal"): "Bonjour, {}.",
    ("fr", "casual"): "Salut {} !",
    ("zh", "formal"): "您好，{}。",
    ("zh", "casual"): "嗨，{}！",
}


class Preferences(StateModel, scope="actor", prefix="prefs."):
    """What one person wants, in every conversation."""

    name: str = "stranger"
    language: Language = "en"
    tone: Tone = "casual"


class PreferencesRunner(Runner):
    """Greets, and learns from `name Alice`, `language fr` and `tone formal`."""

    async def run(self, ctx: RunnerContext) -> AsyncGenerator[RunnerResult, None]:
        """Answer one message."""
        preferences = Preferences.load(ctx)
        match ctx.input.to_text().split(maxsplit=1):
            case ["name", name]:
                preferences.name = name
            case ["language", "en" | "fr" | "zh" as language]:
                preferences.language = language
            case ["tone", "formal" | "casual" as tone]:
                preferences.tone = tone
        for result in preferences.changes(ctx):
            yield result
        greeting = GREETINGS[preferences.language, preferences.tone].format(preferences.name)
        reply = Message(role="assistant", content=greeting)
        yield RunnerResult.message_completed(ctx.run_id, reply)
