"""A chat of a harness, and the event that LangBot makes of a message in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...state.scopes import LauncherType, conversation_id_of
from ..objects import SimpleActor, SimpleEvent, SimpleSubject

BOT = "bot-1"
WORKSPACE = "workspace-1"

Processor = Literal["pipeline", "agent"]
"""What LangBot answers with: a pipeline, or an Agent bound to events."""


@dataclass(frozen=True)
class Chat:
    """A person in a private chat or a group.

    Attributes:
        sender: The person.
        group: The group; None for the private chat.
    """

    sender: str
    group: str | None = None

    @property
    def launcher_type(self) -> LauncherType:
        """`person` or `group`."""
        return "person" if self.group is None else "group"

    @property
    def launcher_id(self) -> str:
        """The person or the group."""
        return self.group or self.sender

    @property
    def conversation_id(self) -> str:
        """LangBot's id of the conversation, `person_alice`."""
        return conversation_id_of(self.launcher_type, self.launcher_id)

    def event(self, processor: Processor, number: int = 0) -> SimpleEvent:
        """Make the event of a message, as LangBot makes it for a pipeline or an Agent.

        Args:
            processor: What answers the message.
            number: The number of the message.
        """
        subject = self._subject(processor, str(number))
        actor = SimpleActor(self.sender)
        return SimpleEvent(self.conversation_id, None, actor, subject, BOT, WORKSPACE)

    def _subject(self, processor: Processor, number: str) -> SimpleSubject:
        if processor == "agent":
            if self.group:
                return SimpleSubject(self.group, "group", {"group_name": self.group})
            return SimpleSubject(number, "message")
        launcher = {"launcher_type": self.launcher_type, "launcher_id": self.launcher_id}
        data: dict[str, Any] = {**launcher, "sender_id": self.sender or None, "bot_uuid": BOT}
        return SimpleSubject(number, "message", data)

    def __str__(self) -> str:
        return self.sender if self.group is None else f"{self.sender} in {self.group}"
