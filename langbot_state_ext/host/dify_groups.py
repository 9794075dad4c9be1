"""Pipelines that answer groups with LangBot's official Dify runner, whose conversations end there.

A Dify conversation belongs to the Dify user that began it. The runner's setting `user-id-source`
says who that is: the sender (default), or with `legacy-session` the chat.

Source:
    langbot-app/langbot-plugins, Runner/dify-agent/components/runner/default.py, _get_user_tag.
    LangBot 4.11.2, langbot/pkg/agent/runner/context_builder.py, which gives the chat to this runner
    id alone; langbot/pkg/platform/botmgr.py, _evaluate_eba_event_bindings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

DIFY = "plugin:langbot-team/DifyAgent/default"
"""The official Dify runner."""

PIPELINES = sa.select(
    sa.column("uuid"), sa.column("name"), sa.column("config", sa.JSON())
).select_from(sa.table("legacy_pipelines"))
BINDINGS = sa.select(sa.column("event_bindings", sa.JSON())).select_from(sa.table("bots"))


async def read_split_pipelines(connection: AsyncConnection) -> list[str]:
    """Return the names of the pipelines in which a Dify conversation ends when others speak.

    Args:
        connection: LangBot's own database.
    """
    bound = [binding for (all_of_bot,) in await connection.execute(BINDINGS)
             for binding in all_of_bot or ()]  # fmt: skip
    in_groups = set(targets_in_groups(bound))
    return [
        name
        for uuid, name, config in await connection.execute(PIPELINES)
        if uuid in in_groups and is_split(config or {})
    ]


def targets_in_groups(bindings: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the uuids of the pipelines that may get messages of groups."""
    for binding in bindings:
        is_on = binding.get("target_type") == "pipeline" and binding.get("enabled", True)
        if is_on and not any(map(_excludes_groups, binding.get("filters") or ())):
            yield str(binding.get("target_uuid"))


def is_split(config: Mapping[str, Any]) -> bool:
    """Return whether a pipeline talks to Dify as the sender of each message."""
    from langbot.pkg.agent.runner.config_resolver import RunnerConfigResolver

    if RunnerConfigResolver.resolve_runner_id(dict(config)) != DIFY:
        return False
    settings = RunnerConfigResolver.resolve_runner_config(dict(config), DIFY)
    return bool(settings.get("user-id-source") != "legacy-session")


def _excludes_groups(each: Mapping[str, Any]) -> bool:
    if each.get("field") != "chat_type":
        return False
    is_group = each.get("value") == "group"
    return bool(is_group if each.get("operator") == "neq" else not is_group)
