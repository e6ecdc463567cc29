"""Lets MCP's own clients use the server over HTTP: the SDKs for Python and TypeScript.

Usage: http_clients.py RL_MCP NODE MODULES (all paths); `run` installs the clients and fills them in.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import check
from check import EXAMPLES, MODES, PATIENCE, TOOLS, Complaints
from serving import Serving
from tally import Tally, expect
from upstream import Upstream

TOKEN = "interop-token-0123456789"
# The TypeScript SDK's modes, and the protocol version that each must end up with.
TYPESCRIPT = {"legacy": "2025-11-25", "auto": "2026-07-28"}


async def python_sdk(mode: str, binary: str, tally: Tally, complaints: Complaints) -> None:
    """Everything that check.py does over standard input and output, with a token."""
    called = 0
    with Upstream(EXAMPLES.values()) as upstream, tempfile.TemporaryDirectory() as data:
        environment = upstream.environment() | {
            "RL_MCP_DATA_DIR": data,
            "RL_MCP_MAX_WAIT_SECONDS": "0",
            "RL_MCP_HTTP_TOKEN": TOKEN,
        }
        with Serving(binary, "--toolsets", "all", environment=environment) as serving:
            http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE)
            async with http, Client(streamable_http_client(serving.mcp, http_client=http), mode=mode) as client:
                with tally.check(f"HTTP, mode {mode}: version"):
                    version = client.protocol_version
                    expect(version == MODES[mode], f"{version} instead of {MODES[mode]}")
                with tally.check(f"HTTP, mode {mode}: tools/list"):
                    listed = sorted(tool.name for tool in (await client.list_tools()).tools)
                    expect(listed == TOOLS, f"listed {listed}, wanted {TOOLS}")
                for example in EXAMPLES.values():
                    with tally.check(f"HTTP, mode {mode}: {example.tool}"):
                        await check.call(client, example)
                        called += 1
                with tally.check(f"HTTP, mode {mode}: local tools"):
                    await check.local_tools(client)
                with tally.check(f"HTTP, mode {mode}: unknown tool"):
                    await check.unknown_tool(client)
                with tally.check(f"HTTP, mode {mode}: wrong argument"):
                    await check.wrong_argument(client, upstream)
                # Before 2026-07-28 a cancellation is a request of its own, which a server without sessions cannot place.
                if mode != "legacy":
                    with tally.check(f"HTTP, mode {mode}: cancelled call"):
                        await check.cancelled_call(client, upstream)
            with tally.check(f"HTTP, mode {mode}: requests upstream"):
                expect(not upstream.problems, "\n".join(upstream.problems))
            with tally.check(f"HTTP, mode {mode}: nothing to complain about"):
                said = [line for line in serving.said().splitlines() if " at http://" not in line]
                expect(not said, f"the server said on stderr: {said}")
                lines = complaints.take()
                expect(not lines, f"the SDK said: {lines}")
    print(f"interop: python SDK over HTTP, mode {mode}: {called} tools called")


async def in_time(*args: Any) -> None:
    with anyio.fail_after(PATIENCE):
        await python_sdk(*args)


def typescript_sdk(binary: str, node: str, modules: str, tally: Tally) -> None:
    with Upstream(EXAMPLES.values()) as upstream, tempfile.TemporaryDirectory() as data:
        environment = upstream.environment() | {
            "RL_MCP_DATA_DIR": data,
            "RL_MCP_MAX_WAIT_SECONDS": "0",
            "RL_MCP_HTTP_TOKEN": TOKEN,
        }
        with Serving(binary, "--toolsets", "all", environment=environment) as serving:
            for mode, version in TYPESCRIPT.items():
                with tally.check(f"TypeScript SDK, mode {mode}"):
                    example = EXAMPLES["get-training-session"]
                    wanted = {
                        "version": version,
                        "tools": TOOLS,
                        "call": [example.tool, example.arguments, example.response],
                    }
                    done = subprocess.run(
                        [node, str(Path(__file__).with_name("typescript.mjs")), modules, serving.mcp, TOKEN, mode],
                        input=json.dumps(wanted),
                        check=False,
                        capture_output=True,
                        text=True,
                        timeout=PATIENCE,
                    )
                    expect(done.returncode == 0 and not done.stderr, f"{done.stdout}{done.stderr}")
                    print(f"interop: TypeScript SDK over HTTP, mode {mode}: {done.stdout.strip()}")
        with tally.check("TypeScript SDK: requests upstream"):
            expect(not upstream.problems, "\n".join(upstream.problems))


def main(binary: str, node: str, modules: str) -> int:
    tally, complaints = Tally(), Complaints()
    for mode in MODES:
        with tally.check(f"HTTP, mode {mode}: session"):
            anyio.run(in_time, mode, binary, tally, complaints)
    with tally.check("TypeScript SDK: session"):
        typescript_sdk(binary, node, modules, tally)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
