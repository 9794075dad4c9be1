"""The page in a real browser, inside LangBot's own UI."""

from __future__ import annotations

import json
import re
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, FrameLocator, expect

from langbot_state_ext import ScopeKey
from testkit.langbot_api import USER

from .driver import Open, Operator, View

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"


def test_an_operator_logs_in_and_opens_the_page_from_the_sidebar(
    browser: Browser, operator: Operator
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{operator.host.url}/login")
    page.evaluate("localStorage.setItem('langbot_language', 'en-US')")
    page.evaluate("localStorage.setItem('langbot_sidebar_guide_v1', 'completed')")
    page.reload()
    page.locator("input[type=email], input[name=email]").first.fill(USER["user"])
    page.locator("input[type=password]").fill(USER["password"])
    page.locator("button[type=submit]").click()
    page.locator("a, button").filter(has_text=re.compile("^Runner state$")).last.click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Overview")).to_be_visible(timeout=30_000)
    page.close()


def test_why_the_bot_calls_somebody_by_the_wrong_name(open_page: Open, operator: Operator) -> None:
    assert "Hello Alise" in operator.bot.say("call me Alise", sender="alice")
    view = open_page()
    view.find("Alise")
    expect(view.frame.locator("#found")).to_have_text("Nothing found.")
    view.open_result("alice")
    expect(view.dialog).to_contain_text('"Alise"')
    view.shot("entry")
    view.press("Edit")
    expect(view.dialog.locator("textarea")).to_have_value("Alise")
    view.dialog.locator("textarea").fill("Alice")
    view.shot("edit")
    view.press("Save")
    expect(view.frame.locator("#entries")).to_contain_text('"Alice"')
    expect(view.frame.locator("#entries")).to_contain_text("version 2")
    expect(view.frame.locator("#said")).to_have_text("Saved prefs.name as version 2.")
    expect(view.frame.locator("#said")).to_be_visible()
    view.shot("saved")
    assert "Hello Alice" in operator.bot.say("hi", sender="alice")


def test_a_wrong_name_is_found_where_it_is_also_somebodys_id(
    open_page: Open, operator: Operator
) -> None:
    for who, name in (("lantern-id", "Zed"), ("mis-called", "lantern-id"), ("runs", "Chatter")):
        key = operator.key("actor", actor_type="user", actor_id=who)
        operator.store.put(key, {"prefs.name": name})
    view = open_page()
    view.find("Lantern-id")
    expect(view.frame.locator("#results button")).to_have_count(1)
    expect(view.frame.locator("#hits button")).to_have_count(1)
    expect(view.frame.locator("#hits button")).to_contain_text("mis-called")
    expect(view.frame.locator("#hits button")).to_contain_text("in prefs.name")
    view.shot("two-sections")
    view.find("Chatter")
    expect(view.frame.locator("#results button")).to_have_count(0)
    expect(view.frame.locator("#hits button")).to_have_count(1)


def test_before_a_search_the_latest_scopes_are_there(open_page: Open, operator: Operator) -> None:
    key = operator.key("actor", actor_type="user", actor_id="just-now")
    operator.store.put(key, {"a": 1})
    view = open_page()
    expect(view.frame.locator("#results")).to_contain_text("just-now")
    expect(view.frame.get_by_text("In keys and values")).to_be_hidden()
    view.open_result("just-now")
    expect(view.frame.locator("#results [aria-current=true]")).to_contain_text("just-now")
    view.press("← Overview")
    expect(view.frame.get_by_role("heading", name="Overview")).to_be_visible()


def test_the_newest_writes_appear_as_they_happen(open_page: Open, operator: Operator) -> None:
    view = open_page()
    operator.bot.say("topic: lighthouses", group="g-live", sender="zoe")
    expect(view.frame.locator("#newest")).to_contain_text("g-live", timeout=60_000)
    expect(view.frame.locator("#place")).to_contain_text("sqlite:///")
    expect(view.frame.locator("#chart")).to_have_attribute("aria-label", re.compile(r"\d new"))
    view.shot("overview")
    view.frame.get_by_text("As a table").click()
    expect(view.frame.locator("#days tbody tr").first).to_be_visible()
    view.frame.locator("#newest button").filter(has_text="group.topic").first.click()
    expect(view.dialog).to_contain_text("lighthouses")


def test_what_can_be_chosen_grows_with_the_store(open_page: Open, operator: Operator) -> None:
    view = open_page()
    parts = {"runner_id": "plugin:late/Comer/default", "bot_id": "late-bot"}
    key = ScopeKey("runner", (*parts.items(), ("workspace_id", operator.workspace)))
    operator.store.put(key, {"k": 1})
    view.frame.get_by_text("Filters").click()
    view.frame.locator("#runner").select_option("plugin:late/Comer/default")
    view.frame.locator("#bot").select_option("late-bot")
    view.press("Find")
    expect(view.frame.locator("#found")).to_have_text("1 found")


def test_a_slow_store_holds_nobody_up(open_page: Open, operator: Operator) -> None:
    key = operator.key("actor", actor_type="user", actor_id="patience")
    operator.store.put(key, {"k": 1})
    view = open_page()
    slow = {"pending_s": 41.6, "url": "postgresql://far", "bot_names": {}}
    view.answer("/overview", lambda: slow)
    view.page.reload()
    expect(view.frame.locator("#slow")).to_contain_text("has been counting for 42 s")
    view.shot("slow")
    view.find("patience")
    view.open_result("patience")
    expect(view.frame.locator("#entries button")).to_have_count(1)
    view.page.unroute_all()
    view.press("← Overview")
    expect(view.frame.locator("#newest")).to_contain_text("patience")


def test_a_store_that_does_not_answer_is_asked_again(open_page: Open, operator: Operator) -> None:
    view = open_page()
    fault = {"error": {"code": "unavailable", "message": "no route to the moon"}}
    view.answer("/overview", lambda: fault)
    trouble = view.frame.locator("#trouble")
    expect(trouble).to_contain_text("no route to the moon")
    expect(view.frame.locator("#newest")).to_be_visible()
    view.shot("trouble")
    view.page.unroute_all()
    expect(trouble).to_be_empty()


def test_scopes_are_narrowed_down(open_page: Open, operator: Operator) -> None:
    for number in range(60):
        key = operator.key("actor", actor_type="user", actor_id=f"narrow-{number}")
        operator.store.put(key, {"k": number})
    operator.store.put(
        operator.key("subject", subject_type="group", subject_id="narrow-g"), {"k": 1}
    )
    view = open_page()
    frame = view.frame
    view.find("narrow-")
    expect(frame.locator("#results button")).to_have_count(50)
    expect(frame.locator("#found")).to_contain_text("more")
    view.press("More")
    expect(frame.locator("#results button")).to_have_count(61)
    frame.get_by_text("Filters").click()
    frame.locator("#scope").select_option("subject")
    view.press("Find")
    expect(frame.locator("#results button")).to_have_count(1)
    view.press("Start over")
    frame.locator("#whose").select_option("person")
    frame.locator("#id").fill("narrow-7")
    frame.locator("#runner").select_option("plugin:somebody/Chatter/default")
    frame.locator("#bot").select_option(operator.bot.uuid)
    view.press("Find")
    expect(frame.locator("#results button")).to_have_count(1)
    expect(frame.locator("#found")).to_have_text("1 found")


def test_a_newer_write_is_shown_and_not_overwritten(open_page: Open, operator: Operator) -> None:
    key = operator.key("actor", actor_type="user", actor_id="conflict")
    operator.store.put(key, {"prefs.name": "one"})
    view = open_page()
    view.find("conflict")
    view.open_result("conflict")
    view.open_entry("prefs.name")
    view.press("Edit")
    operator.store.put(key, {"prefs.name": "theirs"}, run_id="another-run")
    area = view.dialog.locator("textarea")
    area.fill("mine")
    view.press("Save")
    expect(view.frame.locator("#conflict")).to_contain_text('"theirs"')
    view.shot("conflict")
    assert operator.store.get(key, "prefs.name") == "theirs"
    view.press("Take theirs")
    expect(area).to_have_value("theirs")
    area.fill("ours")
    view.press("Save")
    expect(view.frame.locator("#entries")).to_contain_text('"ours"')
    assert operator.store.get(key, "prefs.name") == "ours"


def test_what_is_not_json_is_said_while_typing_and_not_saved(
    open_page: Open, operator: Operator
) -> None:
    key = operator.key("actor", actor_type="user", actor_id="typing")
    operator.store.put(key, {"k": 1})
    view = open_page()
    view.find("typing")
    view.open_result("typing")
    view.open_entry("k")
    view.press("Edit")
    view.dialog.locator("textarea").fill("{oops")
    expect(view.dialog).to_contain_text("Not valid JSON yet")
    save = view.frame.get_by_role("button", name="Save", exact=True)
    expect(save).to_be_disabled()
    view.shot("not-json")
    view.dialog.locator("textarea").fill("[2]")
    expect(view.dialog).to_contain_text("Valid JSON, 3 B")
    expect(save).to_be_enabled()
    view.dialog.locator("textarea").fill('{"a": 1, "a": 2}')
    view.press("Save")
    expect(view.dialog.locator(".alert")).to_contain_text("'a' appears twice")
    view.page.keyboard.press("Escape")
    view.page.keyboard.press("Escape")
    expect(view.dialog).to_contain_text("Discard your changes?")
    view.press("Keep editing")
    expect(view.dialog.locator("textarea")).to_have_value('{"a": 1, "a": 2}')
    view.press("Cancel")
    view.press("Discard")
    expect(view.dialog).to_be_hidden()
    assert operator.store.get(key, "k") == 1


def test_text_is_edited_as_text_and_anything_as_json(open_page: Open, operator: Operator) -> None:
    key = operator.key("actor", actor_type="user", actor_id="texts")
    operator.store.put(key, {"name": 'a "b"\nc', "odd": "a\u202eb"})
    view = open_page()
    view.find("texts")
    view.open_result("texts")
    view.open_entry("name")
    view.press("Edit")
    area = view.dialog.locator("textarea")
    expect(area).to_have_value('a "b"\nc')
    view.dialog.get_by_label("JSON", exact=True).check()
    expect(area).to_have_value('"a \\"b\\"\\nc"')
    area.fill("[1]")
    expect(view.dialog.get_by_label("Text", exact=True)).to_be_disabled()
    view.press("Save")
    expect(view.frame.locator("#said")).to_contain_text("Saved name")
    assert operator.store.get(key, "name") == [1]
    view.open_entry("odd")
    view.press("Edit")
    expect(area).to_have_value('"a\\u202eb"')


def test_a_newer_write_is_not_deleted_unseen(open_page: Open, operator: Operator) -> None:
    key = operator.key("actor", actor_type="user", actor_id="del-conflict")
    operator.store.put(key, {"k": "one", "stays": 1})
    view = open_page()
    view.find("del-conflict")
    view.open_result("del-conflict")
    view.open_entry("one")
    expect(view.dialog.locator("pre")).to_have_text('"one"')
    operator.store.put(key, {"k": "two"})
    view.press("Delete")
    view.press("Delete")
    expect(view.frame.locator("#conflict")).to_contain_text('"two"')
    view.shot("delete-conflict")
    view.press("Keep it")
    expect(view.frame.locator("#entries")).to_contain_text('"two"')
    view.open_entry("two")
    expect(view.dialog.locator("h2")).to_have_text("k")
    operator.store.put(key, {"k": "three"})
    view.press("Delete")
    view.press("Delete")
    view.press("Delete version 3")
    expect(view.frame.locator("#said")).to_have_text("Deleted k.")
    expect(view.frame.locator("#entries button")).to_have_count(1)
    assert operator.store.get(key, "k") is None


def test_an_open_scope_shows_new_writes(open_page: Open, operator: Operator) -> None:
    key = operator.key("actor", actor_type="user", actor_id="live-scope")
    operator.store.put(key, {"b": "first"}, run_id="run-7")
    operator.store.put(key, {"a": 2, "c": 3})
    view = open_page()
    view.find("live-scope")
    view.open_result("live-scope")
    rows = view.frame.locator("#entries .key")
    expect(rows).to_have_text(["a", "c", "b"])
    expect(view.frame.locator("#entries button").last).to_contain_text("written by run run-7")
    view.frame.locator("#order").select_option("by_key")
    expect(rows).to_have_text(["a", "b", "c"])
    view.frame.locator("#entries button").nth(1).focus()
    operator.store.put(key, {"b": "second"})
    expect(view.frame.locator("#entries")).to_contain_text('"second"')
    expect(view.frame.locator("#entries button").nth(1)).to_be_focused()


def test_an_entry_is_added_and_deleted_after_asking(open_page: Open, operator: Operator) -> None:
    key = operator.key("actor", actor_type="user", actor_id="adding")
    operator.store.put(key, {"k": 1})
    view = open_page()
    view.find("adding")
    view.open_result("adding")
    view.press("Add an entry")
    view.dialog.get_by_label("Key").fill("new")
    view.dialog.get_by_label("Value").fill('{"a": [1, 2]}')
    expect(view.dialog).to_contain_text("Choose JSON to save")
    view.dialog.get_by_label("JSON", exact=True).check()
    view.press("Save")
    expect(view.frame.locator("#entries button")).to_have_count(2)
    assert operator.store.get(key, "new") == {"a": [1, 2]}
    view.open_entry("new")
    view.press("Delete")
    expect(view.dialog).to_contain_text("Delete this entry?")
    view.press("Cancel")
    assert operator.store.get(key, "new") == {"a": [1, 2]}
    view.open_entry("new")
    view.press("Delete")
    view.press("Delete")
    expect(view.frame.locator("#entries button")).to_have_count(1)
    assert operator.store.get(key, "new") is None
    view.open_entry("k")
    view.press("Delete")
    view.press("Delete")
    expect(view.frame.locator("#said")).to_have_text("Deleted k.")
    expect(view.frame.get_by_role("heading", name="Overview")).to_be_visible()
    expect(view.frame.locator("#results button")).to_have_count(0)


def test_a_person_is_erased_after_asking(open_page: Open, operator: Operator) -> None:
    parts = {"actor_type": "user", "actor_id": "leaver"}
    chat = {"conversation_id": "person_leaver"}
    operator.store.put(operator.key("actor", **parts), {"a": 1, "b": 2})
    operator.store.put(operator.key("conversation", **chat), {"c": 3})
    stays = operator.key("actor", actor_type="user", actor_id="leaver2")
    operator.store.put(stays, {"a": 1})
    view = open_page()
    view.find("leaver")
    view.open_result("leaver")
    view.press("Erase this person")
    expect(view.dialog).to_contain_text("3 entries in 2 scopes")
    expect(view.dialog).to_contain_text("Helpdesk")
    view.shot("erase")
    view.dialog.get_by_role("button", name="Erase this person").click()
    expect(view.frame.locator("#said")).to_contain_text("Erased 3 entries about leaver")
    expect(view.frame.get_by_role("heading", name="Overview")).to_be_visible()
    expect(view.frame.locator(".alert")).to_have_count(0)
    expect(view.frame.locator("#results button")).to_have_count(1)
    assert operator.store.scopes(actor_id="leaver") == []
    assert operator.store.scopes(**chat) == []
    assert operator.store.get(stays, "a") == 1


def test_a_private_chat_is_a_persons_and_a_group_is_not(
    open_page: Open, operator: Operator
) -> None:
    for kind in ("person", "group"):
        chat = operator.key("conversation", conversation_id=f"{kind}_whose-is-it")
        operator.store.put(chat, {"a": 1})
    view = open_page()
    view.find("whose-is-it")
    view.open_result("person_whose-is-it")
    expect(view.frame.locator("#removal")).to_contain_text("about whose-is-it and")
    view.open_result("group_whose-is-it")
    expect(view.frame.locator("#main h2")).to_contain_text("group_whose-is-it")
    expect(view.frame.get_by_role("button", name="Erase this person")).to_have_count(0)


def test_a_scope_is_cleared_after_asking(open_page: Open, operator: Operator) -> None:
    key = operator.key("conversation", conversation_id="group_clear")
    operator.store.put(key, {"a": 1, "b": 2})
    view = open_page()
    view.find("group_clear")
    view.open_result("group_clear")
    view.press("Clear this scope")
    view.press("Cancel")
    assert operator.store.get(key, "a") == 1
    view.press("Clear this scope")
    view.dialog.get_by_role("button", name="Clear this scope").click()
    expect(view.frame.locator("#said")).to_contain_text("group_clear: 2 entries")
    expect(view.frame.get_by_role("heading", name="Overview")).to_be_visible()
    expect(view.frame.locator("#results button")).to_have_count(0)
    assert operator.store.scopes(conversation_id="group_clear") == []


def test_hidden_values_are_shown_on_request_only(open_page: Open, operator: Operator) -> None:
    key = operator.key("actor", actor_type="user", actor_id="secretive")
    operator.store.put(key, {"api_key": "sk-hush-hush"})
    view = open_page()
    view.find("secretive")
    view.open_result("secretive")
    expect(view.frame.locator("#entries")).to_contain_text("hidden")
    view.open_entry("api_key")
    expect(view.dialog.locator("pre")).to_have_text('"•••"')
    assert "hush" not in view.frame.locator("body").inner_text()
    view.press("Show hidden values")
    expect(view.dialog.locator("pre")).to_have_text('"sk-hush-hush"')
    view.press("Close")
    view.open_entry("api_key")
    view.press("Edit")
    expect(view.dialog.locator("textarea")).to_have_value("sk-hush-hush")


def test_an_export_is_copied_and_exact(open_page: Open, operator: Operator) -> None:
    key = operator.key("actor", actor_type="user", actor_id="exporter")
    values = {f"k{number:02}": {"n": number} for number in range(60)}
    operator.store.put(key, {**values, "big": 2**70, "token": "hush", "text": "a\nb\u202e<script>"})
    view = open_page()
    view.find("exporter")
    view.open_result("exporter")
    view.press("Export")
    view.press("Show the JSON")
    area = view.frame.locator("#exported")
    exported = json.loads(area.input_value())
    assert "hush" not in area.input_value()
    assert len(exported["entries"]) == 63
    assert exported["entries"]["big"]["value"] == 2**70
    assert exported["entries"]["text"]["value"] == "a\nb\u202e<script>"
    assert exported["entries"]["token"]["value"] == "•••"
    assert exported["parts"]["actor_id"] == "exporter"
    copied = area.input_value()
    view.press("Copy")
    expect(view.dialog).to_contain_text("Copied.")
    view.frame.get_by_label("Include hidden values").check()
    view.press("Show the JSON")
    expect(area).to_have_value(re.compile("hush"))
    view.press("Close")
    view.press("Add an entry")
    view.dialog.get_by_label("Value").press("Control+V")
    expect(view.dialog.get_by_label("Value")).to_have_value(copied)


def test_hostile_values_are_text(open_page: Open, operator: Operator) -> None:
    who = "<img src=x onerror=alert(1)>\u202e"
    key = operator.key("actor", actor_type="user", actor_id=who)
    deep: object = "bottom"
    for _ in range(60):
        deep = [deep]
    hostile = {
        "<script>alert(1)</script>": "</script><script>alert(2)</script>",
        "quotes\"'`</textarea>": "</textarea><img src=x onerror=alert(3)>",
        "rtl\u202ename": "\u202eevil\u2066",
        "deep": deep,
        "huge": ["x" * 25_000] * 10,
        "k" * 255: "x",
        "{n} $& __proto__": {"__proto__": {"polluted": True}},
    }
    operator.store.put(key, hostile)
    view = open_page()
    view.find("onerror")
    view.open_result("onerror")
    expect(view.frame.locator("#entries button")).to_have_count(len(hostile))
    expect(view.frame.locator("#main h2")).to_contain_text("⟦U+202E⟧")
    view.shot("hostile")
    for place, (_, value) in enumerate(sorted(hostile.items())):
        view.frame.locator("#entries button").nth(place).click()
        expect(view.dialog.locator("pre")).to_be_visible()
        shown = view.dialog.locator("pre").inner_text()
        assert "\u202e" not in shown
        assert json.loads(shown) == value
        view.press("Edit")
        assert view.edited == value
        view.press("Cancel")
    assert view.frame.locator("img").count() == 0
    assert view.frame.locator("body").evaluate("() => ({}).polluted === undefined")


def test_the_whole_page_works_from_the_keyboard(open_page: Open, operator: Operator) -> None:
    key = operator.key("actor", actor_type="user", actor_id="keyboard")
    operator.store.put(key, {"k": "before"})
    view = open_page()
    keyboard = view.page.keyboard
    view.frame.locator("#text").focus()
    keyboard.type("keyboard")
    keyboard.press("Enter")
    expect(view.frame.locator("#results button")).to_have_count(1)
    tab_to(view, "#results button")
    keyboard.press("Enter")
    expect(view.frame.locator("#main h2")).to_be_focused()
    tab_to(view, "#entries button")
    keyboard.press("Enter")
    expect(view.dialog.locator("h2")).to_be_focused()
    keyboard.press("Tab")
    keyboard.press("Tab")
    expect(view.frame.get_by_role("button", name="Edit")).to_be_focused()
    keyboard.press("Enter")
    expect(view.dialog.locator("textarea")).to_be_focused()
    keyboard.press("Control+A")
    keyboard.type("after")
    keyboard.press("Control+Enter")
    expect(view.frame.locator("#entries")).to_contain_text("after")
    assert operator.store.get(key, "k") == "after"
    tab_to(view, "#entries button")
    keyboard.press("Enter")
    expect(view.dialog.locator("h2")).to_be_focused()
    keyboard.press("Escape")
    expect(view.dialog).to_be_hidden()


def tab_to(view: View, selector: str) -> None:
    target = view.frame.locator(selector).first
    for _ in range(40):
        view.page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{selector} can't be reached with the tab key")


def test_chinese(open_page: Open, operator: Operator) -> None:
    operator.store.put(operator.key("actor", actor_type="user", actor_id="小明"), {"名字": "小明"})
    view = open_page(language="zh-Hans")
    expect(view.frame.get_by_role("heading", name="概览")).to_be_visible()
    view.find("小明")
    view.open_result("小明")
    expect(view.frame.get_by_role("button", name="删除此用户的状态")).to_be_visible()
    expect(view.frame.locator("html")).to_have_attribute("lang", "zh-Hans")
    view.shot("chinese")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_screen_reader_and_weak_eyes_find_their_way(
    open_page: Open, operator: Operator, theme: str
) -> None:
    operator.store.put(operator.key("actor", actor_type="user", actor_id="axe"), {"a": {"b": [1]}})
    view = open_page(theme=theme)
    expect(view.frame.locator("html")).to_have_class(theme)
    assert violations(view.frame) == []
    view.find("axe")
    view.open_result("axe")
    expect(view.frame.locator("#entries")).to_be_visible()
    assert violations(view.frame) == []
    view.shot(f"scope-{theme}")
    view.open_entry("a")
    expect(view.dialog.locator("pre")).to_be_visible()
    assert violations(view.frame) == []
    view.press("Edit")
    assert violations(view.frame) == []


def violations(frame: FrameLocator) -> list[str]:
    """Return what axe finds against the WCAG's levels A and AA."""
    body = frame.locator("body")
    body.evaluate(f"() => {{ {AXE.read_text('utf-8')} }}")
    found = body.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
    )
    return [
        f"{fault['id']}: {node['html']}" for fault in found["violations"] for node in fault["nodes"]
    ]


@pytest.mark.parametrize("width", [1000, 390])
def test_nothing_is_wider_than_the_window(open_page: Open, operator: Operator, width: int) -> None:
    key = operator.key("actor", actor_type="user", actor_id="w" * 200)
    operator.store.put(key, {"k" * 200: "x" * 500, "a": 1})
    view = open_page(width=width)
    fits = view.frame.locator("body").evaluate
    wide = "() => document.documentElement.scrollWidth > window.innerWidth"
    assert not fits(wide)
    view.find("www")
    view.open_result("www")
    expect(view.frame.locator("#entries button")).to_have_count(2)
    assert not fits(wide)
    view.shot(f"width-{width}")
    view.open_entry("kkk")
    expect(view.dialog.locator("pre")).to_be_visible()
    assert not fits(wide)


def test_on_a_phone_the_list_gives_way_and_comes_back(open_page: Open, operator: Operator) -> None:
    operator.store.put(operator.key("actor", actor_type="user", actor_id="phone"), {"k": 1})
    view = open_page(width=390)
    view.find("phone")
    view.open_result("phone")
    expect(view.frame.locator("#results")).to_be_hidden()
    view.press("← Back to the list")
    expect(view.frame.locator("#results")).to_be_visible()
    expect(view.frame.get_by_role("heading", name="Overview")).to_be_visible()


def test_without_the_extension_it_says_how_to_enable_it(
    open_page: Open, operator: Operator
) -> None:
    view = open_page()
    view.answer("/overview", lambda: {"error": {"code": "not_enabled", "message": "-"}})
    box = view.frame.locator("#not-enabled")
    expect(box).to_contain_text("langbot-state enable")
    view.shot("not-enabled")
    view.page.unroute_all()
    view.press("Try again")
    expect(view.frame.get_by_role("heading", name="Overview")).to_be_visible()
