"""Lets programs that read OpenAPI use the REST routes: a validator, schemathesis, and a bridge from OpenAPI to MCP.

Usage: rest.py RL_MCP SCHEMATHESIS (both paths); `run` installs the programs and fills them in.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import urllib.request
from typing import Any

import httpx2
from fastmcp import Client, FastMCP
from openapi_spec_validator import validate

from serving import Serving
from tally import Tally, expect

TOKEN = "interop-token-0123456789"
ROUTES = 17
# Requests that schemathesis makes up for each route.
EXAMPLES = 40
# Seconds.
PATIENCE = 400.0
# It takes each request that follows the schemas for one that has to be accepted, and each other one for one that has to be
# refused. The tools have rules that no schema can say, and put right what is only written differently, such as "5" for 5.
NOT_CHECKED = "positive_data_acceptance,negative_data_rejection"


def document(serving: Serving) -> dict[str, Any]:
    request = urllib.request.Request(f"{serving.rest}/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def schemathesis(serving: Serving, program: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                program,
                "run",
                f"{serving.rest}/openapi.json",
                "--header",
                f"Authorization: Bearer {TOKEN}",
                "--max-examples",
                str(EXAMPLES),
                "--exclude-checks",
                NOT_CHECKED,
                "--warnings",
                "off",
                "--no-color",
            ],
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    expect(done.returncode == 0, done.stdout[-6000:] + done.stderr)
    tested = f"Tested: {ROUTES}"
    expect(tested in done.stdout, f"not `{tested}`: {done.stdout[-2000:]}")
    print(f"interop: {done.stdout.strip().splitlines()[-1].strip('= ')} of schemathesis")


async def bridge(serving: Serving, openapi: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(base_url=serving.rest, headers=headers, timeout=30) as http:
        async with Client(FastMCP.from_openapi(openapi, client=http)) as client:
            tools = {tool.name for tool in await client.list_tools()}
            expect(len(tools) == ROUTES, f"tools {tools}")
            listed = await client.call_tool("list_training_sessions", {"limit": 3})
            expect(json.loads(listed.content[0].text)["meta"]["limit"] == 3, f"listed {listed}")
            refused = await client.call_tool("get_training_session", {"session_id": "none"}, raise_on_error=False)
            expect(refused.is_error and "404" in refused.content[0].text, f"refused {refused}")
    print(f"interop: bridge from OpenAPI to MCP: {len(tools)} tools")


def main(binary: str, program: str) -> int:
    tally = Tally()
    with tempfile.TemporaryDirectory() as data:
        environment = {"RL_MCP_HTTP_TOKEN": TOKEN, "RL_MCP_DATA_DIR": data}
        with Serving(binary, "--sandbox", "--sandbox-speed", "1000", environment=environment) as serving:
            openapi = document(serving)
            with tally.check("OpenAPI document"):
                validate(openapi)
            with tally.check("bridge"):
                asyncio.run(bridge(serving, openapi))
            with tally.check("schemathesis"):
                schemathesis(serving, program)
            with tally.check("it is still there"):
                expect(document(serving) == openapi, "another document")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
