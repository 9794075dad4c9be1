"""What a harness gives to a runner, and takes from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from langbot_plugin.entities.io.errors import ActionCallError

from langbot_state_ext import CodecError, ConfigError, InvalidKey, ScopeError
from langbot_state_ext.runner import StateModel
from langbot_state_ext.testing import RunnerHarness

from .talker import Asker, Seer, Talker

PROBE = Path(__file__).parents[1] / "host" / "probe_runner"


def ask(method: str, **options: Any) -> Any:
    """Have a runner call LangBot once."""
    with RunnerHarness(Asker, **options) as harness:
        reply = harness.say(method)
    return reply.error or reply.logs[0].removeprefix("info: ")


def test_a_reply_is_text(harness: RunnerHarness) -> None:
    reply = harness.say("say:hello")
    assert reply == "hello"
    assert (reply.status, reply.error, reply.refused, reply.logs) == ("completed", None, [], [])
    assert [result["type"] for result in reply.results] == ["message.completed", "run.completed"]
    assert [result["sequence"] for result in reply.results] == [1, 2]


def test_a_pipeline_sends_the_last_message(harness: RunnerHarness) -> None:
    assert harness.say("say:one say:two") == "two"
    assert harness.say("chunk:o chunk:on chunk:one") == "one"
    assert harness.say("say:one end:two") == "two"
    assert harness.say("parts:a,b") == "ab"
    assert harness.say("") == ""


def test_an_agent_sends_what_the_runner_replies() -> None:
    with RunnerHarness(Talker, processor="agent") as harness:
        assert harness.say("say:unheard reply:one quote:two") == "one\ntwo"
        assert harness.say("reply:") == ""
        assert harness.say("reply:one raise:no") == "one"
        assert "     -> one\n     -> failed: Error running agent: no" in harness.report()
        assert "non-empty" in str(harness.say("reply:").error)


def test_a_pipeline_refuses_ctx_reply(harness: RunnerHarness) -> None:
    assert "'event_reply' is not authorized" in str(harness.say("reply:one").error)


def test_each_scope_is_shared_by_the_right_chats(harness: RunnerHarness) -> None:
    harness.say(
        "set:actor=p.a=1 set:conversation=p.c=2 set:subject=p.s=3 set:runner=p.r=4", group="g1"
    )
    everywhere = {"actor": "p.a", "conversation": "p.c", "subject": "p.s", "runner": "p.r"}

    def seen(**chat: Any) -> set[str]:
        return {scope for scope in everywhere if harness.state(scope, **chat)}  # type: ignore[call-overload]

    assert seen(group="g1") == set(everywhere)
    assert seen() == {"actor", "runner"}
    assert seen(sender="bob", group="g1") == {"conversation", "subject", "runner"}
    assert seen(sender="bob", group="g2") == {"runner"}
    assert harness.state("subject", group="g1") == {"p.s": "3"}


def test_a_refused_update_has_a_reason(harness: RunnerHarness) -> None:
    reply = harness.say(f"set:actor={'k' * 256}=1 set:actor=p.a=1 say:ok")
    assert reply == "ok"
    assert reply.refused == [f"actor '{'k' * 256}': the key has 256 characters, the limit is 255"]
    assert harness.state("actor") == {"p.a": "1"}


def test_a_scope_that_the_binding_does_not_allow_is_refused() -> None:
    with RunnerHarness(Talker, scopes=["conversation"]) as harness:
        reply = harness.say("set:actor=p.a=1")
        assert reply.refused == [
            "actor 'p.a': the scope is not enabled by the binding's policy",
        ]
    with RunnerHarness(Talker, scopes=[]) as harness:
        assert "state is disabled" in harness.say("set:actor=p.a=1").refused[0]


def test_results_that_langbot_would_drop_are_dropped(harness: RunnerHarness) -> None:
    reply = harness.say("odd:new.thing odd:message.completed set:nobody=p.a=1 say:ok")
    assert reply == "ok"
    assert reply.logs[0] == "LangBot: result of unknown type new.thing ignored"
    assert reply.logs[1].startswith("LangBot: invalid message.completed dropped, message: ")
    assert reply.logs[2].startswith("LangBot: invalid state.updated dropped, scope: ")


def test_a_run_that_raises_has_failed(harness: RunnerHarness) -> None:
    reply = harness.say("set:actor=p.a=1 say:unheard raise:boom")
    assert (reply, reply.status, reply.error) == ("", "failed", "Error running agent: boom")
    assert harness.state("actor") == {"p.a": "1"}
    assert re.search(r"talker\.py\", line \d+, in run\n +raise Runtime", harness.report())
    assert "harness.py" not in harness.report()


def test_a_run_that_yields_run_failed_has_failed(harness: RunnerHarness) -> None:
    reply = harness.say("fail:Conversation_Not_Exists say:unheard")
    assert (reply, reply.status, reply.error) == ("", "failed", "Conversation_Not_Exists")


def test_a_run_that_takes_too_long_has_timed_out() -> None:
    with RunnerHarness(Talker, config={"timeout": 0.05}) as harness:
        reply = harness.say("wait:60")
        assert (reply.status, reply.error) == ("timeout", "Agent runner timed out")


def test_wait_can_pass_the_deadline_of_a_run(harness: RunnerHarness) -> None:
    run = harness.begin("set:actor=p.a=1 say:late")
    run.step()
    harness.wait(301)
    assert harness.say("say:in-time") == "in-time"
    reply = run.finish()
    assert (reply, reply.status, reply.error) == ("", "timeout", "Agent runner timed out")
    assert harness.state("actor") == {"p.a": "1"}


def test_a_failed_run_is_rolled_back_with_rollback(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    with RunnerHarness(Talker, on_failed_run="rollback", store=url) as harness:
        harness.say("set:actor=p.a=1")
        harness.say("set:actor=p.a=2 set:actor=p.b=2 fail:no")
        assert harness.state("actor") == {"p.a": "1"}
        killed = harness.begin("set:actor=p.a=3")
        killed.step()
        assert harness.state("actor") == {"p.a": "3"}
        harness.restart()
        assert harness.state("actor") == {"p.a": "1"}


def test_a_lost_conversation_loses_its_external_id() -> None:
    with RunnerHarness(Talker, forget_on=["lost"]) as harness:
        harness.say("set:conversation=external.conversation_id=far-1 set:conversation=m.a=1")
        harness.say("fail:it_is_LOST")
        assert harness.state("conversation") == {"m.a": "1"}


def test_a_conversation_expires() -> None:
    with RunnerHarness(Talker, expire_time=60) as harness:
        harness.say("set:conversation=m.a=1 set:actor=p.a=1")
        harness.wait(59)
        harness.say("say:")
        assert harness.state("conversation") == {"m.a": "1"}
        harness.wait(61)
        harness.say("say:")
        assert harness.state("conversation") == {}
        assert harness.state("actor") == {"p.a": "1"}


def test_a_stream_without_is_final_is_logged(harness: RunnerHarness) -> None:
    assert harness.say("chunk:o chunk:on").logs == [
        "LangBot: no chunk has is_final, a streaming chat waits for it"
    ]
    assert harness.say("chunk:o say:on").logs == []


@pytest.mark.parametrize("timeout", [0, -5, "abc", None, [], "0"])
def test_a_timeout_that_is_not_valid_means_no_deadline(timeout: Any) -> None:
    with RunnerHarness(Talker, config={"timeout": timeout}) as harness:
        assert harness.say("wait:0 say:ok") == "ok"
        assert harness._settings.deadline_at() is None


def test_a_run_can_be_cancelled(harness: RunnerHarness) -> None:
    run = harness.begin("set:actor=p.a=1 wait:60")
    assert run.step() is not None
    reply = run.cancel()
    assert (reply, reply.status, reply.error) == ("", "cancelled", "consumer_cancelled")
    assert run.cancel().status == run.finish().status == "cancelled"
    assert run.step() is None
    assert harness.state("actor") == {"p.a": "1"}


def test_runs_overlap(harness: RunnerHarness) -> None:
    first = harness.begin("set:subject=p.a=first say:one", sender="alice", group="g")
    second = harness.begin("set:subject=p.a=second say:two", sender="bob", group="g")
    assert second.finish() == "two"
    assert first.finish() == "one"
    assert harness.state("subject", group="g") == {"p.a": "first"}


def test_a_restart_makes_a_new_runner_and_keeps_a_sqlite_file(tmp_path: Path) -> None:
    with RunnerHarness(Talker, store=f"sqlite:///{tmp_path}/state.db") as harness:
        assert harness.say("memory: set:actor=p.a=1") == "1"
        lost = harness.begin("set:actor=p.b=1")
        harness.restart()
        assert harness.say("memory:") == "1"
        assert harness.say("memory:") == "2"
        assert harness.state("actor") == {"p.a": "1"}
        assert "-> lost" in harness.report()
        assert lost.step() is None


def test_a_restart_empties_a_memory_store(harness: RunnerHarness) -> None:
    harness.say("set:actor=p.a=1")
    harness.restart()
    assert harness.state("actor") == {}


def test_a_runner_sees_its_settings_and_the_external_id(tmp_path: Path) -> None:
    with RunnerHarness(
        Seer, config={"a": 1}, plugin_config={"b": 2}, store=f"sqlite:///{tmp_path}/s.db"
    ) as harness:
        assert harness.say("").logs == ["info: {'a': 1} {'b': 2} example/plugin None False {} True"]
        harness.put("conversation", {"external.conversation_id": "far-1"})
        assert "far-1 True" in harness.say("").logs[0]
        harness.restart()
        assert "far-1 True" in harness.say("").logs[0]
        harness.new_conversation()
        assert "None False {} True" in harness.say("").logs[0]


def test_an_external_id_becomes_the_uuid_of_the_conversation() -> None:
    class Both(Seer, Talker):
        async def run(self, ctx: Any) -> Any:
            await Seer.run(self, ctx)
            async for result in Talker.run(self, ctx):
                yield result

    with RunnerHarness(Both) as harness:
        harness.say("set:conversation=conversation_id=far-1")
        assert " far-1 " in harness.say("set:conversation=external.conversation_id=").logs[0]
        assert " None " in harness.say("").logs[0]


def test_the_history_begins_with_the_conversation() -> None:
    with RunnerHarness(Asker, expire_time=60) as asker:
        for idle_s in (61, 0):
            asker.say("history_page")
            asker.say("history_page", group="g1")
            asker.wait(idle_s)
            if not idle_s:
                asker.new_conversation()
            page = eval(asker.say("history_page").logs[0].removeprefix("info: "))
            assert [item["content"] for item in page["items"]] == ["history_page"]
        cursor = int(page["items"][0]["cursor"])
        page = eval(asker.say("history_page").logs[0].removeprefix("info: "))
        assert [int(item["cursor"]) for item in page["items"]] == [cursor + 1, cursor]


def test_ctx_history_has_the_messages_of_the_conversation(harness: RunnerHarness) -> None:
    del harness
    with RunnerHarness(Asker) as asker:
        for _ in range(3):
            asker.say("history_page")
        asker.say("history_page", group="g1")
        page = eval(asker.say("history_search page").logs[0].removeprefix("info: "))
        assert [item["content"] for item in page["items"]] == ["history_search page"] + [
            "history_page"
        ] * 3
        assert {item["conversation_id"] for item in page["items"]} == {"person_alice"}
        assert "group_g1 is not accessible" in str(asker.say("history_page group_g1").error)


def test_pages_of_the_transcript_have_no_gap() -> None:
    from langbot_state_ext.testing.harness.transcript import Transcript

    transcript = Transcript()
    for number in range(7):
        transcript.add_user_message("c", str(number), "alice")
    transcript.add_user_message("other", "no", "alice")
    seen, before = [], None
    while True:
        page = transcript.page("c", {"limit": 3, "before_cursor": before})
        seen += [item["content"] for item in page["items"]]
        before = page["next_cursor"]
        if before is None:
            break
    assert seen == list("6543210")
    forward = {"direction": "forward", "after_cursor": "5", "limit": 1}
    page = transcript.page("c", forward)
    assert ([item["content"] for item in page["items"]], page["has_more"]) == (["5"], True)
    roles = {"query": "", "filters": {"roles": ["assistant"]}}
    assert transcript.search("c", roles)["items"] == []


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("call_tool event_reply", "Tool 'event_reply' is not authorized"),
        ("state_get actor p.a", "{'value': None}"),
        ("state_set actor p.a 1", "{'success': True}"),
        ("state_delete actor p.a", "{'success': False}"),
        ("state_list actor", "{'keys': [], 'has_more': False}"),
        ("state_get nobody p.a", 'Scope "nobody" is not enabled by binding policy'),
        ("get_prompt", "the harness has no answer to get_prompt: give it one"),
        ("call_tool weather", "Tool 'weather' is not authorized"),
        ("event_get e", "the harness has no answer to event_get: give it one"),
        ("run_get", "the harness has no answer to run_get: give it one"),
        ("steering_pull", "steering_pull is not available for this run"),
    ],
)
def test_calls_get_the_answers_of_langbot(call: str, answer: str) -> None:
    assert answer in ask(call)


def test_a_key_that_is_refused_is_an_error_with_its_reason() -> None:
    long = "k" * 256
    said = ask(f"state_set actor {long} 1")
    assert said.partition("kkk…: ")[2].startswith("the key has 256 characters")
    for method in ("state_get", "state_delete", "state_list"):
        error = ask(f"{method} actor {long}")
        label = method.replace("_", " ").capitalize()
        assert f"{label} error: the key has 256 characters, the limit is 255" in error
    assert "key is required" in ask_raw({"scope": "actor", "key": ""})
    assert "scope is required" in ask_raw({"scope": "", "key": "k"})


def ask_raw(arguments: dict[str, str]) -> str:
    """Call state_get with arguments that words can't say."""

    class Raw(Asker):
        async def run(self, ctx: Any) -> None:
            await ctx.state_get(**arguments)

    with RunnerHarness(Raw) as harness:
        return str(harness.say("").error)


def test_state_that_the_binding_disables_has_no_api() -> None:
    assert "state is not available for this run" in ask("state_get actor p.a", scopes=[])


def test_answers_are_functions_of_the_author() -> None:
    def weather(data: dict[str, Any]) -> dict[str, Any]:
        if data["parameters"]:
            raise ActionCallError("no such place")
        return {"result": {"sky": "blue"}}

    granted: dict[str, Any] = {"tools": [{"tool_name": "weather"}]}
    assert ask("call_tool weather", resources=granted, answers={"call_tool": weather}) == (
        "{'sky': 'blue'}"
    )
    assert "give answers=" in ask("call_tool weather", resources=granted)
    storage = {"storage": {"plugin_storage": True}}
    assert "has no answer to get_plugin_storage_keys" in ask_storage(storage)


def ask_storage(resources: dict[str, Any]) -> str:
    """Call something that the harness has no answer to."""

    class Storing(Asker):
        async def run(self, ctx: Any) -> None:
            await ctx.api.get_plugin_storage_keys()

    with RunnerHarness(Storing, resources=resources) as harness:
        return str(harness.say("").error)


def test_a_call_after_the_end_is_refused() -> None:
    ended: list[Any] = []

    class Late(Asker):
        async def run(self, ctx: Any) -> None:
            for api in ended:
                await api.state_get("actor", "p.a")
            ended.append(ctx.api)

    with RunnerHarness(Late) as harness:
        assert harness.say("").status == "completed"
        expired = f"Run session {ended[0].run_id} not found or expired"
        assert expired in str(harness.say("").error)


def test_a_model_is_read_and_values_are_put(harness: RunnerHarness) -> None:
    class Prefs(StateModel, scope="actor", prefix="p."):
        a: str = "none"

    assert harness.state(Prefs) == Prefs()
    harness.put("actor", {"p.a": "here"}, sender="bob")
    assert harness.state(Prefs, sender="bob").a == "here"
    with pytest.raises(CodecError):
        harness.put("actor", {"p.a": float("nan")})
    with pytest.raises(InvalidKey):
        harness.put("actor", {"": 1})


def test_a_plugin_is_read_from_its_folder() -> None:
    with RunnerHarness(PROBE) as harness:
        assert '"conversation_id": "person_alice"' in harness.say("[]")
        assert harness._settings.component.id == "plugin:langbot-state-ext/ProbeRunner/default"
        assert harness._settings.component.permissions.history == ["page"]
        again = RunnerHarness(harness._settings.component.runner)
        assert again._settings.component == harness._settings.component
        again.close()


def test_a_folder_without_a_plugin_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=f"{tmp_path} is not a plugin with exactly one runner: it has 0"
    ):
        RunnerHarness(tmp_path)


def copy_of_probe(tmp_path: Path, old: str, new: str) -> Path:
    """Copy the runner of the probe, with one thing changed in its manifest."""
    folder = tmp_path / "components" / "runner"
    folder.mkdir(parents=True)
    source = PROBE / "components" / "runner"
    (folder / "default.py").write_text((source / "default.py").read_text())
    (folder / "default.yaml").write_text((source / "default.yaml").read_text().replace(old, new))
    return tmp_path


def test_a_manifest_that_is_not_valid_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not part of a plugin"):
        RunnerHarness(copy_of_probe(tmp_path / "a", "", ""))
    missing = copy_of_probe(tmp_path / "b", "./default.py", "./none.py")
    with pytest.raises(ConfigError, match=r"none\.py is not a Python file"):
        RunnerHarness(missing)
    wrong = copy_of_probe(tmp_path / "c", "[page]", "[everything]")
    (wrong / "manifest.yaml").write_text((PROBE / "manifest.yaml").read_text())
    with pytest.raises(ConfigError, match=r"default\.yaml is not a valid runner manifest"):
        RunnerHarness(wrong)


async def test_it_does_not_run_inside_an_event_loop() -> None:
    with pytest.raises(RuntimeError, match="make the test a plain def"):
        RunnerHarness(Talker)


def test_closing_twice_is_no_error() -> None:
    harness = RunnerHarness(Talker)
    harness.begin("wait:60")
    harness.close()
    harness.close()


def test_a_message_without_a_sender_has_no_actor() -> None:
    with RunnerHarness(Talker) as harness, pytest.raises(ScopeError, match="has no actor"):
        harness.state("actor", sender="")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"processor": "agnt"}, "processor has 'agnt': use pipeline, agent"),
        ({"on_failed_run": "x"}, "on_failed_run has 'x': use keep, rollback"),
        ({"scopes": ["actr"]}, "scopes has 'actr': use conversation, actor, subject, runner"),
        ({"scopes": "actor"}, r"scopes='actor' is text: write scopes=\['actor'\]"),
        ({"answers": {"invoke_lm": dict}}, "answers has 'invoke_lm': use .*invoke_llm, "),
    ],
)
def test_an_argument_that_is_not_allowed_is_an_error_that_names_it(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        RunnerHarness(Talker, **arguments)


def test_a_closed_harness_only_reports() -> None:
    with RunnerHarness(Talker) as harness:
        harness.say("set:actor=p.a=1")
        harness.begin("wait:60", sender="bob")
    for call in (harness.restart, lambda: harness.say("hi"), lambda: harness.state("actor")):
        with pytest.raises(ConfigError, match="the harness is closed"):
            call()
    assert "  actor of alice\n    p.a = " in harness.report()
    assert "     -> lost" in harness.report()


def test_a_chat_that_streams_gets_every_message() -> None:
    with RunnerHarness(Talker, streaming=True) as harness:
        assert harness.say("say:one end:two") == "one\ntwo"
        assert harness.say("chunk:o chunk:on final:one say:two") == "one\ntwo"
        assert harness.say("chunk:o say:one") == "one"
        assert harness.say("all:one chunk:two").splitlines() == ["two"]
        assert harness.say("all:one") == "all of one"


def seen_by(**options: Any) -> Any:
    """Return the context that a runner gets."""
    seen = []

    class Watcher(Asker):
        async def run(self, ctx: Any) -> None:
            seen.append(ctx)

    with RunnerHarness(Watcher, **options) as harness:
        assert harness.say("", group="g1").status == "completed"
    return seen[0]


def test_a_pipelines_context_is_like_langbots() -> None:
    ctx = seen_by()
    may = {name for name, can in ctx.context.available_apis.model_dump().items() if can}
    assert may == {
        *("box", "prompt_get", "run_get", "run_list", "run_events_page", "run_cancel"),
        *("state", "storage", "history_page", "history_search", "event_get", "event_page"),
    }
    assert ctx.resources.storage.plugin_storage
    assert "conversation_id" not in ctx.variables
    assert (ctx.variables["query_id"], ctx.adapter.extra["params"]["conversation_id"]) == (1, None)
    assert ctx.event.source_event_type == ctx.event.data["type"] == "GroupMessage"
    assert (ctx.subject.data["sender_id"], ctx.subject.data["bot_uuid"]) == ("alice", "bot-1")
    assert ctx.runtime.langbot_version == "v4.11.2"
    assert ctx.delivery.supports_streaming


def test_an_agents_context_is_like_langbots() -> None:
    ctx = seen_by(processor="agent", scopes=[], resources={"storage": {"plugin_storage": False}})
    may = ctx.context.available_apis
    assert (may.state, may.storage, may.reply_stream) == (False, False, True)
    assert (ctx.variables, ctx.adapter.extra) == ({"query_id": 1}, {})
    assert (ctx.event.source, ctx.delivery.supports_streaming) == ("platform", False)


def test_an_author_can_answer_get_prompt() -> None:
    prompt = {"prompt": [{"role": "system", "content": "Be kind."}]}
    assert "Be kind." in ask("get_prompt", answers={"get_prompt": lambda _: prompt})


def test_a_context_is_a_copy(harness: RunnerHarness) -> None:
    del harness
    config = {"nested": {"a": 1}}
    seen_by(config=config).config["nested"]["a"] = 2
    assert config == {"nested": {"a": 1}}


class Cleaner(Talker):
    """Notes in `cleaned` that it was stopped."""

    cleaned: list[str] = []

    async def run(self, ctx: Any) -> Any:
        try:
            async for result in Talker.run(self, ctx):
                yield result
        finally:
            self.cleaned.append(str(ctx.input.text))


def test_a_run_that_is_cancelled_or_fails_stops_the_runner() -> None:
    Cleaner.cleaned.clear()
    with RunnerHarness(Cleaner) as harness:
        run = harness.begin("say:a wait:60")
        run.step()
        run.cancel()
        assert Cleaner.cleaned == ["say:a wait:60"]
        harness.say("fail:no wait:60")
        assert Cleaner.cleaned[1:] == ["fail:no wait:60"]
        no_key = harness.say("set:actor==1 wait:60")
        assert no_key.error == "state.updated missing required field: key"
        assert Cleaner.cleaned[2:] == ["set:actor==1 wait:60"]


def test_the_transcript_has_the_first_message_of_a_run() -> None:
    class Both(Talker, Asker):
        async def run(self, ctx: Any) -> Any:
            if ctx.input.text == "history":
                page = await ctx.history_page()
                items = [(item.content, item.metadata.get("runner_id")) for item in page.items]
                await ctx.log(str(items[1:]))
                return
            async for result in Talker.run(self, ctx):
                yield result

    with RunnerHarness(Both) as harness:
        harness.say("parts:a,b say:two")
        runner_id = "plugin:example/plugin/default"
        assert harness.say("history").logs == [
            f"info: {[('a b', runner_id), ('parts:a,b say:two', None)]}"
        ]


def test_a_page_has_at_most_a_hundred_messages() -> None:
    from langbot_state_ext.testing.harness.transcript import Transcript

    transcript = Transcript()
    for number in range(101):
        transcript.add_user_message("c", str(number), "alice")
    page = transcript.page("c", {"limit": 1000})
    assert (len(page["items"]), page["has_more"]) == (100, True)


@pytest.mark.parametrize(
    ("limit", "listed"), [(1000, 100), (100, 100), (2, 2), (0, 100), (-1, 100), (None, 100)]
)
def test_state_list_has_langbots_limit(limit: Any, listed: int) -> None:
    class Lister(Asker):
        async def run(self, ctx: Any) -> None:
            answer = await ctx.state_list("actor", limit=limit)
            await ctx.log(f"{len(answer['keys'])} {answer['has_more']}")

    with RunnerHarness(Lister) as harness:
        harness.put("actor", {f"p.{number}": number for number in range(101)})
        assert harness.say("").logs == [f"info: {listed} True"]


def test_a_rollback_restores_what_state_delete_deleted() -> None:
    class Deleter(Asker):
        async def run(self, ctx: Any) -> None:
            await ctx.state_delete("actor", "p.a")
            raise RuntimeError("no")

    with RunnerHarness(Deleter, on_failed_run="rollback") as harness:
        harness.put("actor", {"p.a": 1})
        harness.say("")
        assert harness.state("actor") == {"p.a": 1}


def test_a_conversation_expires_across_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    with RunnerHarness(Talker, expire_time=60, store=url) as harness:
        harness.say("set:conversation=m.a=1")
        harness.restart()
        assert harness._process._last_message_at == {}
        harness.wait(61)
        harness.say("")
        assert harness.state("conversation") == {}
