"""Lets MCP clients that nobody here wrote drive the server, as hosts would.

Usage: check.py RL_MCP NODE INSPECTOR (all paths); `run` installs the clients and fills them in.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import INVALID_PARAMS, CallToolResult, PromptReference, TextContent
from mcp_types.version import LATEST_HANDSHAKE_VERSION

from tally import Mismatch, Tally, expect
from upstream import HANGING_SESSION, Example, Upstream, canonical, read_examples

ROOT = Path(__file__).parents[2]
EXAMPLES = {example.tool: example for example in read_examples(ROOT / "tests" / "data" / "api" / "examples")}
# All tools, as the documentation lists them.
TOOLS = sorted(re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "tools.md").read_text(), re.MULTILINE))
# What a session is hardly meant to do is noted, by what was called before: examples are no course of one.
COURSE = {"forward-backward-pass", "custom-forward-backward-pass", "optimizer-step", "sample"}
# Tools whose answer says more than the service did, such as what keeps billing.
NOTED = {"create-model-resource", "stop-training-session", "prime-intellect-resumerun"}
PROMPTS = ["grpo-run", "sft-run", "prime-run", "diagnose", "stop-billing"]
SKILLS = ROOT / "skills"
MISSPELT = "get-training-sesion"

# The SDK's modes, and the protocol version that each must end up with.
MODES = {"auto": "2026-07-28", "legacy": LATEST_HANDSHAKE_VERSION, "2026-07-28": "2026-07-28"}
# The Inspector's names for the same.
ERAS = ("auto", "legacy", "modern")

# Seconds. Nothing here takes longer than a second or two; a hang must not become one of CI's.
PATIENCE = 30.0
# Seconds from the end of stdin to the end of the process. Hosts kill after two.
LONGEST_END = 1.0


class Complaints(logging.Handler):
    """What the SDK logs or warns about: a server that is well understood gives it no reason to."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")

    def take(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


def text_of(result: CallToolResult) -> str:
    """The one text block that every result of this server is."""
    expect(len(result.content) == 1, f"{len(result.content)} content blocks instead of one")
    block = result.content[0]
    if not isinstance(block, TextContent):
        raise Mismatch(f"a {block.type} block instead of text")
    expect(result.structured_content is None, "structured content beside the text")
    return block.text


def answer_of(example: Example) -> Any:
    # The run's own key never leaves the server.
    return {name: value for name, value in example.response.items() if name != "tokenValue"}


async def call(client: Client, example: Example) -> None:
    result = await client.call_tool(example.tool, example.arguments)
    text = text_of(result)
    expect(not result.is_error, f"isError: {text}")
    got, wanted = json.loads(text), canonical(answer_of(example))
    noted = example.tool in NOTED or example.response.get("onDemand") is True
    expect(example.tool in COURSE or ("note" in got) == noted, f"a note too many or too few: {text}")
    got.pop("note", None)
    expect(canonical(got) == wanted, f"got {text}, wanted {wanted}")


async def local_tools(client: Client) -> None:
    """A supervised batch, a look into its file, and what was done before."""

    async def answer(tool: str, arguments: dict[str, Any]) -> Any:
        result = await client.call_tool(tool, arguments)
        text = text_of(result)
        expect(not result.is_error, f"{tool}: {text}")
        return json.loads(text)

    examples = [{"prompt": [101, 17, 42], "completion": [7, 9]}]
    built = await answer("build-training-batch", {"session_id": "s", "examples": examples})
    place = {"path": built["batches"][0]["path"], "at": "samples[0].loss_fn_inputs.weights.data"}
    found = await answer("read-result", place)
    expect(found["value"] == [0, 0, 1, 1], f"read {found}")
    activity = await answer("list-recent-activity", {})
    expect("may_be_billing" in activity, f"activity {activity}")


async def beside_tools(client: Client) -> None:
    """The prompts, what completes their arguments, and the skill as resources."""
    prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
    expect(prompts == PROMPTS, f"prompts {prompts}")
    for name in prompts:
        messages = (await client.get_prompt(name)).messages
        expect(len(messages) == 1 and messages[0].role == "user", f"{name}: {messages}")
    completed = await client.complete(PromptReference(name="diagnose"), {"name": "run_id", "value": ""})
    expect(completed.completion.values == [], f"runs from nowhere: {completed}")
    uris = [resource.uri for resource in (await client.list_resources()).resources]
    files = {uri: SKILLS / uri.removeprefix("skill://") for uri in map(str, uris) if uri.startswith("skill://")}
    expect(len(files) == len([path for path in SKILLS.rglob("*") if path.is_file()]), f"resources {uris}")
    for uri, path in files.items():
        content = (await client.read_resource(uri)).contents[0]
        expect(content.text == path.read_text(), f"{uri} is another text than {path}")


async def unknown_tool(client: Client) -> None:
    try:
        await client.call_tool(MISSPELT, {})
    except MCPError as error:
        expect(error.code == INVALID_PARAMS, f"code {error.code}")
        expect("get-training-session" in error.message, f"names no near tool: {error.message}")
    else:
        raise Mismatch("no JSON-RPC error")


async def wrong_argument(client: Client, upstream: Upstream) -> None:
    example = EXAMPLES["optimizer-step"]
    arguments = example.arguments | {"body": {"adam_params": {"learning_rate": "fast"}}}
    before = upstream.requests
    result = await client.call_tool(example.tool, arguments)
    text = text_of(result)
    expect(bool(result.is_error), f"no isError: {text}")
    expect("body.adam_params.learning_rate" in text, f"does not name the path: {text}")
    expect(upstream.requests == before, "was sent upstream all the same")


async def cancelled_call(client: Client, upstream: Upstream) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(client.call_tool, "get-training-session", {"session_id": HANGING_SESSION})
        hanging = await anyio.to_thread.run_sync(upstream.hanging.wait, 10)
        # Makes the SDK send notifications/cancelled.
        group.cancel_scope.cancel()
    expect(hanging, "the call never reached the upstream")
    given_up = await anyio.to_thread.run_sync(upstream.given_up.wait, 10)
    expect(given_up, "the request upstream went on after the cancellation")
    # The session outlives the call.
    await call(client, EXAMPLES["get-training-session"])


async def python_sdk(mode: str, binary: str, tally: Tally, complaints: Complaints) -> None:
    """Everything that a host does with the server, in one process of it."""
    called = 0
    with (
        Upstream(EXAMPLES.values()) as upstream,
        tempfile.TemporaryFile("w+") as stderr,
        tempfile.TemporaryDirectory() as data,
    ):
        # Every answer is held against the service's own, so no call waits for another one.
        environment = {"RL_MCP_DATA_DIR": data, "RL_MCP_MAX_WAIT_SECONDS": "0"}
        parameters = StdioServerParameters(command=binary, env=upstream.environment() | environment)
        async with Client(stdio_client(parameters, errlog=stderr), mode=mode) as client:
            with tally.check(f"mode {mode}: version"):
                version = client.protocol_version
                expect(version == MODES[mode], f"{version} instead of {MODES[mode]}")
            with tally.check(f"mode {mode}: tools/list"):
                listed = sorted(tool.name for tool in (await client.list_tools()).tools)
                expect(listed == TOOLS, f"listed {listed}, wanted {TOOLS}")
                # What has no example calls no service.
                expect(set(EXAMPLES) < set(TOOLS), f"no tools: {set(EXAMPLES) - set(TOOLS)}")
            for example in EXAMPLES.values():
                with tally.check(f"mode {mode}: {example.tool}"):
                    await call(client, example)
                    called += 1
            with tally.check(f"mode {mode}: local tools"):
                await local_tools(client)
            with tally.check(f"mode {mode}: prompts and resources"):
                await beside_tools(client)
            with tally.check(f"mode {mode}: unknown tool"):
                await unknown_tool(client)
            with tally.check(f"mode {mode}: wrong argument"):
                await wrong_argument(client, upstream)
            with tally.check(f"mode {mode}: cancelled call"):
                await cancelled_call(client, upstream)
            with tally.check(f"mode {mode}: requests upstream"):
                expect(not upstream.problems, "\n".join(upstream.problems))
            closing = time.monotonic()
        # Leaving the client closed stdin and waited for the process.
        took = time.monotonic() - closing
        with tally.check(f"mode {mode}: end of stdin"):
            expect(took < LONGEST_END, f"the process took {took:.3f} s to end")
        with tally.check(f"mode {mode}: nothing to complain about"):
            stderr.seek(0)
            # Only the request that could not be served may be logged.
            said = [line for line in stderr if MISSPELT not in line]
            expect(not said, f"the server said on stderr: {said}")
            lines = complaints.take()
            expect(not lines, f"the SDK said: {lines}")
    print(f"interop: python SDK, mode {mode}: {called} tools called, ended in {took * 1000:.0f} ms")


async def python_sdk_in_time(*args: Any) -> None:
    with anyio.fail_after(PATIENCE):
        await python_sdk(*args)


def inspector(era: str, binary: str, command: list[str]) -> None:
    """`tools/list` through the Inspector's portability checks."""
    options = ["--cli", "--method", "tools/list", "--strict", "--protocol-era", era, "--format", "json"]
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [*command, *options, "--", binary, "--toolsets", "all"],
            # Not the user's own settings.
            env={"HOME": home},
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    # Its exit code tells of errors only; warnings are on stderr, as is what the server says there.
    expect(done.returncode == 0 and not done.stderr, f"exit code {done.returncode}, and it said:\n{done.stderr}")
    envelope = json.loads(done.stdout)
    expect(not envelope.get("schemaFindings"), f"findings: {envelope.get('schemaFindings')}")
    tools = sorted(tool["name"] for tool in envelope["result"]["tools"])
    expect(tools == TOOLS, f"listed {tools}, wanted {TOOLS}")
    print(f"interop: Inspector CLI, era {era}: {len(tools)} tools listed, 0 errors, 0 warnings")


def main(binary: str, node: str, inspector_path: str) -> int:
    tally, complaints = Tally(), Complaints()
    for mode in MODES:
        with tally.check(f"mode {mode}: session"):
            anyio.run(python_sdk_in_time, mode, binary, tally, complaints)
    for era in ERAS:
        with tally.check(f"Inspector, era {era}"):
            inspector(era, binary, [node, inspector_path])
    return tally.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
