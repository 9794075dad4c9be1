"""The replies of the command, in English and in Chinese."""

from __future__ import annotations

from typing import Literal, get_args

ReplyLanguage = Literal["both", "en_US", "zh_Hans"]

CONFIRM = "yes"
"""The word that confirms what can't be undone."""

TEXTS: dict[str, tuple[str, str]] = {
    "about_you": ("What this bot keeps about you:", "机器人保存的关于您的状态："),
    "about_chat": ("About this chat:", "关于此对话："),
    "about": ("What this bot keeps about {name}:", "机器人保存的关于 {name} 的状态："),
    "nothing": ("This bot keeps nothing about you.", "机器人没有保存关于您的任何状态。"),
    "nothing_about": (
        "This bot keeps nothing about {name}.",
        "机器人没有保存关于 {name} 的任何状态。",
    ),
    "more": ("… and {count} more.", "……还有 {count} 条。"),
    "forget": (
        (
            "This permanently erases {entries} that this bot keeps about you. "
            "To confirm, send: !state forget yes"
        ),
        "这将永久删除机器人保存的关于您的 {count} 条状态。如需删除，请发送：!state forget yes",
    ),
    "forgotten": (
        "Erased {entries} about you.",
        "已删除关于您的 {count} 条状态。",
    ),
    "chat_stays": (
        "Not erased: {entries} about this chat. To clear the conversation, send: !state new",
        "关于此对话的 {count} 条状态会保留；如需清空对话，请发送：!state new",
    ),
    "clear": (
        (
            "This permanently erases {entries} that this bot keeps about {name}. "
            "To confirm, send: !state clear {name} yes"
        ),
        (
            "这将永久删除机器人保存的关于 {name} 的 {count} 条状态。"
            "如需删除，请发送：!state clear {name} yes"
        ),
    ),
    "cleared": (
        "Erased {entries} about {name}.",
        "已删除关于 {name} 的 {count} 条状态。",
    ),
    "new": ("Started a new conversation.", "已开始新的对话。"),
    "new_ask": (
        (
            "This starts a new conversation for everybody in this group. It permanently erases "
            "what this bot keeps about the current conversation, and nothing about people or the "
            "group. To confirm, send: !state new yes"
        ),
        (
            "这将为群内所有人开始新的对话：机器人保存的关于此对话的状态将被永久删除，"
            "关于个人和群的状态会保留。如需继续，请发送：!state new yes"
        ),
    ),
    "new_in_group": (
        "Started a new conversation for everybody in this group.",
        "已为群内所有人开始新的对话。",
    ),
    "admins_only": (
        "Only this bot's admins can do that, and only in a private chat with it.",
        "只有机器人的管理员可以这样做，并且只能在私聊中进行。",
    ),
    "unknown_sender": (
        "LangBot does not say who you are here, so nothing is shown or erased.",
        "LangBot 没有提供您的身份，因此不显示也不删除任何内容。",
    ),
    "failed_without_reason": (
        "That did not work. Ask the operator of this bot.",
        "操作失败，请联系机器人的管理员。",
    ),
    "failed": ("That did not work: {reason}", "操作失败：{reason}"),
    "help": (
        (
            "!state: show what this bot keeps about you\n"
            "!state forget: erase it, but not what is kept about the chat\n"
            "!state new: clear the conversation and start a new one; in a group, for everybody\n"
            "!state help: show this text"
        ),
        (
            "!state：机器人保存的关于您的状态\n"
            "!state forget：删除这些状态；关于对话的状态会保留\n"
            "!state new：开始新的对话，并清空关于当前对话的状态；在群内对所有人生效\n"
            "!state help：显示此说明"
        ),
    ),
    "help_admin": (
        (
            "For admins, in a private chat:\n"
            "!state show person ID, !state show group ID: show what this bot keeps about them\n"
            "!state clear person ID, !state clear group ID: erase it"
        ),
        (
            "仅限管理员，在私聊中：\n"
            "!state show person ID、!state show group ID：机器人保存的关于该用户或群的状态\n"
            "!state clear person ID、!state clear group ID：删除这些状态"
        ),
    ),
    "unknown": ("Unknown command.", "未知命令。"),
}


def language_of(setting: object) -> ReplyLanguage:
    """Return the language that the plugin's setting names; both when it names none."""
    return next((each for each in get_args(ReplyLanguage) if each == setting), "both")


def say(language: ReplyLanguage, text: str, **values: object) -> str:
    """Return a text of `TEXTS`, in one language or in both, English first.

    Args:
        language: Which language.
        text: The name of the text.
        **values: The values of its placeholders; `count` also gives `{entries}`, in English.
    """
    if "count" in values:
        values["entries"] = "1 entry" if values["count"] == 1 else f"{values['count']} entries"
    english, chinese = (each.format(**values) for each in TEXTS[text])
    return {"en_US": english, "zh_Hans": chinese}.get(language, f"{english}\n{chinese}")
