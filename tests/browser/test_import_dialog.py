"""Importing a workflow of another studio in the browser: by file, with its loss report and links to the nodes."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from playwright.sync_api import Page, expect

from studio.services.workflow_files import WorkflowFiles, contents
from tests.support.editor import SMALL, new_workflow, node, open_editor, save_elsewhere, saved, stored
from tests.support.held_back import HeldBack


def _flow(title: str) -> dict[str, Any]:
    return {
        "name": title,
        "nodes": [
            {
                "name": "Hook",
                "type": "n8n-nodes-base.webhook",
                "position": [0, 0],
                "parameters": {"path": title, "httpMethod": "POST"},
            },
            {"name": "Odd <b>one</b>", "type": "n8n-nodes-base.someThingElse", "position": [300, 0], "parameters": {}},
            {
                "name": "Tell",
                "type": "n8n-nodes-base.slack",
                "position": [600, 0],
                "parameters": {"text": "={{ $json.a.filter(x => x.b) }}"},
            },
        ],
        "connections": {
            "Hook": {"main": [[{"node": "Odd <b>one</b>", "type": "main", "index": 0}]]},
            "Odd <b>one</b>": {"main": [[{"node": "Tell", "type": "main", "index": 0}]]},
        },
    }


def test_a_dropped_file_of_another_studio(signed_in_page: Page, studio: Any, tmp_path: Any) -> None:
    page = signed_in_page
    title = f"from_n8n_{uuid.uuid4().hex[:8]}"
    file = tmp_path / "flow.json"
    file.write_text(json.dumps(_flow(title)))
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Workflow file").set_input_files(file)
    report = page.locator(".import-report")
    expect(report).to_contain_text("A workflow of n8n")
    expect(report).to_contain_text("1 mapped, 1 approximated, 1 unsupported")
    expect(report).to_contain_text("Odd <b>one</b>")
    page.get_by_role("button", name="Import workflow").click()
    expect(page.get_by_role("heading", name="What became of it")).to_be_visible()
    expect(page.locator(".losses li")).to_have_count(2)
    expect(page.locator(".losses")).to_contain_text("a function")
    page.get_by_role("link", name="Odd <b>one</b>").click()
    expect(page).to_have_url(f"{studio.url}/app/workflows/{title}#node=odd_b_one_b")
    expect(page.locator(".react-flow__node.selected, .hed-node.on, .hed-node.selected").first).to_contain_text(
        "odd_b_one_b"
    )


def test_the_report_is_shown_once_and_found_again_in_the_workflow(
    signed_in_page: Page, studio: Any, tmp_path: Any
) -> None:
    page = signed_in_page
    title = f"from_n8n_{uuid.uuid4().hex[:8]}"
    (tmp_path / "flow.json").write_text(json.dumps(_flow(title)))
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Workflow file").set_input_files(tmp_path / "flow.json")
    page.get_by_role("button", name="Import workflow").click()
    shown = page.get_by_role("heading", name="What became of it")
    expect(shown).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name=title)).to_be_visible()
    expect(shown).to_have_count(0)

    open_editor(page, studio, title)
    node(page, "odd_b_one_b").click()
    page.get_by_test_id("node-name").fill("odd_two")
    page.get_by_test_id("node-name").press("Enter")
    expect(node(page, "odd_two")).to_be_visible()
    saved(page)
    page.get_by_test_id("canvas").click(position={"x": 30, "y": 60})
    for again in range(2):
        page.get_by_test_id("open-import-report").click()
        report = page.get_by_test_id("import-report")
        expect(report).to_contain_text("From n8n: 1 mapped, 1 approximated, 1 unsupported")
        report.get_by_role("button", name="Odd <b>one</b>").click()
        expect(report).to_have_count(0)
        expect(page.get_by_test_id("node-name")).to_have_value("odd_two")
        if not again:
            open_editor(page, studio, title)
    page.keyboard.press("Control+k")
    page.keyboard.type("became of")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("import-report")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("import-report")).to_have_count(0)
    open_editor(page, studio, new_workflow(studio))
    expect(page.get_by_test_id("open-import-report")).to_have_count(0)


# Lets go of a file with this name and text over an element, as a hand does it.
LET_GO = """([selector, name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name));
  const target = document.querySelector(selector);
  for (const kind of ['dragover', 'drop']) {
    if (target.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer}))) throw kind;
  }
}"""


def test_a_file_is_let_go_over_the_list_or_the_canvas(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    title = f"from_n8n_{uuid.uuid4().hex[:8]}"
    text = json.dumps(_flow(title))
    page.goto("/app/workflows")
    expect(page.get_by_role("button", name="Import")).to_be_visible()
    page.evaluate(LET_GO, ["table, main", "flow.json", text])
    expect(page.locator(".import-report")).to_contain_text("A workflow of n8n")
    page.evaluate(LET_GO, ["#import-text", "bad.json", "{"])
    expect(page.locator(".import-report")).to_contain_text("not JSON")

    open_editor(page, studio, new_workflow(studio))
    page.evaluate(LET_GO, [".react-flow__pane", "flow.json", text])
    expect(node(page, "odd_b_one_b")).to_be_visible()
    expect(page.get_by_text("From n8n: 1 mapped, 1 approximated, 1 unsupported.")).to_be_visible()
    page.evaluate(LET_GO, [".hed-insp", "bad.json", "{"])
    expect(page.get_by_role("alert")).to_contain_text("not YAML with nodes")


def test_a_folder_is_let_go_over_the_list(signed_in_page: Page, studio: Any, tmp_path: Any) -> None:
    """A real one, as from a file manager: all that lies in it and its folders, but for what git keeps."""
    page, mark = signed_in_page, uuid.uuid4().hex[:8]
    for path in (f"flows/one_{mark}.yaml", f"flows/deep/two_{mark}.yaml", f"flows/.git/three_{mark}.yaml"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SMALL.format(name=file.stem))
    (tmp_path / "flows" / "README.md").write_text("Notes")
    page.goto("/app/workflows")
    expect(page.get_by_role("button", name="Import")).to_be_visible()
    line = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(tmp_path / "flows")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        line.send("Input.dispatchDragEvent", {"type": kind, "x": 500, "y": 400, "data": data})
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"two_{mark}")
    expect(dialog).not_to_contain_text(f"three_{mark}")
    dialog.get_by_role("button", name="Import 2 workflows").click()
    expect(dialog).to_contain_text("imported")
    assert stored(studio, f"one_{mark}").text == SMALL.format(name=f"one_{mark}")


def test_rubbish_is_refused_in_words(signed_in_page: Page, tmp_path: Any) -> None:
    page = signed_in_page
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    for content, words in (
        ("{", "not JSON"),
        ('{"a": 1}', "This is no workflow"),
        ("[" * 5000, "deeper than 64 levels"),
    ):
        file = tmp_path / "bad.json"
        file.write_text(content)
        page.get_by_label("Workflow file").set_input_files(file)
        expect(page.locator(".import-report")).to_contain_text(words)
        expect(page.get_by_role("button", name="Import workflow")).to_be_disabled()


def test_a_file_that_is_too_large_is_refused_in_words(signed_in_page: Page, tmp_path: Any) -> None:
    page = signed_in_page
    file = tmp_path / "large.yaml"
    file.write_text("x" * 1_800_000)
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Workflow file").set_input_files(file)
    expect(page.get_by_role("dialog")).to_contain_text("1,000,000 characters")


def test_a_dialog_that_was_left_open_is_closed_by_loading_the_page_again(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Text of the file").fill("name: one")
    expect(page.locator(".import-report li").first).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Import")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)

    page.get_by_role("button", name="Import").click()
    files = [{"name": f"{name}.yaml", "mimeType": "text/yaml", "buffer": b"name: one"} for name in ("one", "two")]
    page.get_by_label("Workflow file").set_input_files(files)
    expect(page.get_by_role("dialog", name="Import several workflows")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Import")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_text_that_is_typed_on_stays_while_what_stood_before_is_looked_into(signed_in_page: Page) -> None:
    page, name = signed_in_page, f"typed_{uuid.uuid4().hex[:8]}"
    line = HeldBack(page)
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    field = page.get_by_label("Text of the file")
    expect(field).to_be_visible()
    line.hold(name)
    field.press_sequentially(f"name: {name}")
    line.wait(name)
    field.press_sequentially("_2\nnodes: [")
    line.wait(f"{name}_2")
    line.let_go(name)
    expect(page.get_by_role("dialog")).to_contain_text("the key `version` is missing")
    field.press_sequentially("[")
    line.let_go()
    expect(page.get_by_role("dialog")).to_contain_text("syntax")
    expect(field).to_have_value(f"name: {name}_2\nnodes: [[")


def test_a_name_that_is_there_already_is_kept_beside_or_replaced(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio)
    before = stored(studio, name)
    text = before.text.replace("Answers greetings", "Answers all")
    for way in ("both", "replace"):
        page.goto("/app/workflows")
        page.get_by_role("button", name="Import").click()
        page.get_by_label("Text of the file").fill(text)
        expect(page.get_by_label("New name")).to_have_value(f"{name}_2" if way == "both" else f"{name}_3")
        if way == "replace":
            page.get_by_role("radio", name="Replace its draft").click()
        page.get_by_role("button", name="Import workflow").click()
        expect(page).to_have_url(f"{studio.url}/app/workflows/{name}_2" if way == "both" else re.compile(f"/{name}$"))
        expect(page.get_by_test_id("yaml")).to_contain_text("Answers all")
    assert stored(studio, f"{name}_2").text == text.replace(name, f"{name}_2")
    assert stored(studio, name).text == text
    page.get_by_role("region", name=re.compile("Notifications")).get_by_role("button", name="Undo").click()
    expect(page.get_by_test_id("yaml")).to_contain_text("Answers greetings")
    assert stored(studio, name).text == before.text


def test_a_refused_new_name_can_be_mended_where_it_stands(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio)
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Text of the file").fill(stored(studio, name).text)
    field = page.get_by_role("textbox", name="New name")
    for text, said in (("Not A Name", "starts with a small letter"), ("faq_handling", "exists already")):
        field.fill(text)
        page.get_by_role("button", name="Import workflow").click()
        expect(field).to_have_accessible_description(re.compile(said))
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_be_focused()
        expect(page.get_by_role("radio", name="Replace its draft")).to_be_visible()
    field.fill(f"{name}_mended")
    page.get_by_role("button", name="Import workflow").click()
    expect(page).to_have_url(f"{studio.url}/app/workflows/{name}_mended")


def test_several_files_are_imported_with_a_report_for_each(signed_in_page: Page, studio: Any, tmp_path: Any) -> None:
    page, there = signed_in_page, new_workflow(studio)
    title = f"from_n8n_{uuid.uuid4().hex[:8]}"
    files = {"flow.json": json.dumps(_flow(title)), f"{there}.yaml": stored(studio, there).text, "bad.yaml": "a: ["}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Workflow file").set_input_files([tmp_path / name for name in files])
    dialog = page.get_by_role("dialog", name="Import several workflows")
    expect(dialog.locator("li")).to_have_count(3)
    expect(dialog).to_contain_text("is there already")
    expect(dialog).to_contain_text("cannot be imported")
    dialog.get_by_role("radio", name="Keep both").click()
    dialog.get_by_role("button", name="Import 2 workflows").click()
    done = page.get_by_role("dialog", name="What became of them")
    expect(done.get_by_role("link", name=f"{there}_2")).to_be_visible()
    expect(done).to_contain_text("from n8n, 1 approximated, 1 unsupported")
    done.get_by_role("link", name=title).click()
    expect(page).to_have_url(f"{studio.url}/app/workflows/{title}")


def test_the_zip_that_is_exported_is_imported_again(signed_in_page: Page, studio: Any, tmp_path: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, None, {"nodes": {"answer": [40, 300]}})
    page.goto("/app/workflows")
    page.get_by_placeholder("Search name, tool, prompt…").fill(name)
    page.get_by_role("button", name=f"Actions for {name}").click()
    with page.expect_download() as plain:
        page.get_by_role("menuitem", name="Export YAML").click()
    plain.value.save_as(tmp_path / "one.yaml")
    assert (tmp_path / "one.yaml").read_text() == stored(studio, name).text
    page.get_by_role("button", name=f"Actions for {name}").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Export with layout").click()
    download.value.save_as(tmp_path / "one.zip")
    save_elsewhere(studio, name, "Answers greetings", "Answers all")
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Workflow file").set_input_files(tmp_path / "one.zip")
    dialog = page.get_by_role("dialog", name="Import several workflows")
    dialog.get_by_role("radio", name="Replace the draft").click()
    dialog.get_by_role("button", name="Import 1 workflow").click()
    expect(page.get_by_role("dialog", name="What became of them")).to_contain_text("draft replaced")
    row = stored(studio, name)
    assert "Answers greetings" in row.text
    assert row.layout["nodes"] == {"answer": [40, 300]}
    (tmp_path / "bad.zip").write_bytes(b"PK")
    page.get_by_role("button", name="Close").last.click()
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Workflow file").set_input_files(tmp_path / "bad.zip")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("damaged")


def test_a_folder_is_imported_with_what_lies_beside_its_drafts(
    signed_in_page: Page, studio: Any, tmp_path: Any
) -> None:
    page, name = signed_in_page, f"of_folder_{uuid.uuid4().hex[:8]}"
    files = WorkflowFiles(SMALL.format(name=name), {"nodes": {"answer": [40, 300]}})
    for path, text in contents(name, files).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "README.md").write_text("# ours")
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Folder of workflows").set_input_files(tmp_path)
    dialog = page.get_by_role("dialog", name="Import several workflows")
    expect(dialog.locator("li")).to_have_count(1)
    dialog.get_by_role("button", name="Import 1 workflow").click()
    page.get_by_role("dialog", name="What became of them").get_by_role("link", name=name).click()
    expect(page).to_have_url(f"{studio.url}/app/workflows/{name}")
    assert stored(studio, name).layout["nodes"] == {"answer": [40, 300]}
