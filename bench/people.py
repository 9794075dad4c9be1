"""The events whose state is measured."""

from __future__ import annotations

from langbot_state_ext import VALID_STATE_SCOPES
from langbot_state_ext.testing import (
    SimpleActor,
    SimpleBinding,
    SimpleDescriptor,
    SimpleEvent,
    SimplePolicy,
    SimpleSubject,
)

BINDING = SimpleBinding(state_policy=SimplePolicy(state_scopes=VALID_STATE_SCOPES))
DESCRIPTOR = SimpleDescriptor()


def event(person: int) -> SimpleEvent:
    """Return an event of a private chat with one person."""
    return SimpleEvent(
        conversation_id=f"person_{person}",
        actor=SimpleActor(actor_id=str(person)),
        subject=SimpleSubject(subject_type="person", subject_id=str(person)),
    )
