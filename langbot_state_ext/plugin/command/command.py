"""The command `!state`: what it shows and erases, and for whom.

Everybody may see and erase their own state. Only admins may see and erase the state of others, and
only in a private chat.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ...backends import Backend, ScopeFilter
from ...errors import StateError
from ...store.erase import erase, matching_scopes
from ...store.store import StateStore
from ..owners import OwnerKind, filters_for, filters_for_actor, filters_for_chat
from ..views import pretty, preview_view, shortened
from .texts import CONFIRM, ReplyLanguage, say

LOGGER = logging.getLogger("langbot_state_ext.plugin")

LINES = 30
"""The most entries that a reply shows."""

VALUE = 120
"""How many characters of a value a reply shows."""


@dataclass(frozen=True)
class Speaker:
    """Who sent the command, and where.

    Attributes:
        workspace: The uuid of the workspace, whose state alone they see and erase; None for all.
        bot: The bot's uuid.
        person: The person's id; None when LangBot does not give it.
        private: Whether it is a private chat.
        admin: Whether LangBot regards them as an admin of the bot.
    """

    workspace: str | None
    bot: str
    person: str | None
    private: bool
    admin: bool

    @property
    def is_private_admin(self) -> bool:
        """Whether they may see and erase the state of others.

        Not in a group: when a group is an admin, LangBot regards every member as one.
        """
        return self.admin and self.private

    def filters_for_self(self) -> list[ScopeFilter]:
        """Return the filters for what is kept about them."""
        if self.person is None:
            return []
        return filters_for_actor(self.person, bot=self.bot, workspace=self.workspace)

    def filters_for_chat(self) -> list[ScopeFilter]:
        """Return the filters for their private chat; none in a group."""
        if not self.private or self.person is None:
            return []
        return filters_for_chat("person", self.person, bot=self.bot, workspace=self.workspace)


@dataclass(frozen=True)
class StateCommands:
    """Answers the command, always with one text.

    Attributes:
        store: The open store.
        language: The language of the replies.
        start_conversation: Starts a new conversation in LangBot.
    """

    store: StateStore
    language: ReplyLanguage
    start_conversation: Callable[[], Awaitable[Any]]

    async def reply(self, words: Sequence[str], speaker: Speaker) -> str:
        """Run the command.

        Args:
            words: What follows `!state`, split on single spaces.
            speaker: Who sent it.

        Returns:
            The reply, also after an error.
        """
        word, *rest = [word for word in words if word] or [""]
        actions = {
            "": self._about_me,
            "forget": self._forget,
            "new": self._new,
            "show": self._show,
            "clear": self._clear,
            "help": self._help,
        }
        try:
            return await actions.get(word.lower(), self._unknown)(rest, speaker)
        except StateError as error:
            LOGGER.warning("!state: %s", error)
            return self.failed(error if speaker.is_private_admin else None)

    def failed(self, reason: StateError | None = None) -> str:
        """Return the reply to an error; only admins are told the reason."""
        if reason is None:
            return self._say("failed_without_reason")
        return self._say("failed", reason=reason)

    async def _about_me(self, _rest: list[str], speaker: Speaker) -> str:
        if speaker.person is None:
            return self._say("unknown_sender")
        backend = self.store.backend
        mine = await _entries(backend, speaker.filters_for_self())
        chat = await _entries(backend, speaker.filters_for_chat())
        lists = {"about_you": mine, "about_chat": chat}
        shown = [
            self._list(self._say(title), entries) for title, entries in lists.items() if entries
        ]
        return "\n\n".join(shown) or self._say("nothing")

    async def _forget(self, rest: list[str], speaker: Speaker) -> str:
        if speaker.person is None:
            return self._say("unknown_sender")
        mine = speaker.filters_for_self()
        count = await _count(self.store.backend, mine)
        if not count:
            return self._say("nothing")
        if not _is_confirmed(rest):
            return await self._with_chat(self._say("forget", count=count), speaker)
        erased = await erase(self.store, mine)
        return await self._with_chat(self._say("forgotten", count=erased), speaker)

    async def _with_chat(self, text: str, speaker: Speaker) -> str:
        """Add to a reply about a person's own state that the state of the chat stays."""
        count = await _count(self.store.backend, speaker.filters_for_chat())
        return f"{text}\n{self._say('chat_stays', count=count)}" if count else text

    async def _new(self, rest: list[str], speaker: Speaker) -> str:
        """Start a new conversation: in a private chat at once, in a group once it is confirmed.

        LangBot does not say which members of a group may do that, so every member may.
        """
        if not speaker.private and not _is_confirmed(rest):
            return self._say("new_ask")
        await self.start_conversation()
        return self._say("new" if speaker.private else "new_in_group")

    async def _show(self, rest: list[str], speaker: Speaker) -> str:
        if not speaker.is_private_admin:
            return self._say("admins_only")
        name, filters = _named(rest, speaker)
        if not filters:
            return await self._help(rest, speaker)
        entries = await _entries(self.store.backend, filters)
        if not entries:
            return self._say("nothing_about", name=name)
        return self._list(self._say("about", name=name), entries)

    async def _clear(self, rest: list[str], speaker: Speaker) -> str:
        if not speaker.is_private_admin:
            return self._say("admins_only")
        confirmed = rest[2:] != [] and _is_confirmed(rest[-1:])
        name, filters = _named(rest[:-1] if confirmed else rest, speaker)
        if not filters:
            return await self._help(rest, speaker)
        count = await _count(self.store.backend, filters)
        if not count:
            return self._say("nothing_about", name=name)
        if not confirmed:
            return self._say("clear", name=name, count=count)
        return self._say("cleared", name=name, count=await erase(self.store, filters))

    async def _unknown(self, rest: list[str], speaker: Speaker) -> str:
        return f"{self._say('unknown')}\n\n{await self._help(rest, speaker)}"

    async def _help(self, _rest: list[str], speaker: Speaker) -> str:
        texts = ["help", "help_admin"] if speaker.is_private_admin else ["help"]
        return "\n\n".join(self._say(text) for text in texts)

    def _list(self, title: str, entries: list[str]) -> str:
        more = len(entries) - LINES
        tail = [self._say("more", count=more)] if more > 0 else []
        return "\n".join([title, *entries[:LINES], *tail])

    def _say(self, text: str, **values: object) -> str:
        return say(self.language, text, **values)


def _named(words: Sequence[str], speaker: Speaker) -> tuple[str, list[ScopeFilter]]:
    """Return the name and the filters of `person ID` or `group ID`; no filters for other words."""
    whose, name = " ".join(words[:1]).casefold(), " ".join(words[1:])
    if whose not in {"person", "group"} or not name:
        return name, []
    filters = filters_for(
        cast("OwnerKind", whose), name, bot=speaker.bot, workspace=speaker.workspace
    )
    return f"{whose} {name}", filters


def _is_confirmed(words: Sequence[str]) -> bool:
    return [word.casefold() for word in words] == [CONFIRM]


async def _count(backend: Backend, filters: Sequence[ScopeFilter]) -> int:
    return sum(stored.entries for stored in await matching_scopes(backend, filters))


async def _entries(backend: Backend, filters: Sequence[ScopeFilter]) -> list[str]:
    """Return a line for each entry of the scopes that match."""
    lines = []
    for stored in await matching_scopes(backend, filters):
        for name, entry in (await backend.entries(stored.key)).items():
            shown = shortened(str(preview_view(name, entry)["preview"]), VALUE)
            lines.append(f"- {pretty(name)[1:-1]}: {shown}")
    return lines
