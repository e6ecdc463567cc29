"""Runs MCP's own conformance suite against the server over HTTP, in both eras of the protocol.

Usage: conformance.py RL_MCP NODE SUITE (all paths); `run` installs the suite and fills them in.

Most of its scenarios call tools, prompts and resources that only a server made for the suite has. What any server can be held
to has to pass, and what becomes so when this one declares a further capability.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from serving import Serving
from tally import Tally, expect

ERAS = ("2025-11-25", "2026-07-28")
# Seconds, for all scenarios of one era.
PATIENCE = 300.0

# The scenarios that need nothing of the suite's own: none of their checks may fail.
PLAIN = {
    "server-initialize",
    "server-session-lifecycle",
    "server-stateless",
    "ping",
    "tools-list",
    "server-sse-polling",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
    "caching",
    "http-header-validation",
    "input-required-result-unsupported-methods",
    "input-required-result-validate-input",
}
# Those that any server with this capability can be held to.
WITH = {
    "prompts-list": "prompts",
    "resources-list": "resources",
    "sep-2164-resource-not-found": "resources",
    "logging-set-level": "logging",
}
# Checks within the plain ones that need a tool of the suite's own, a capability, or have another reason.
TOOL = "calls a tool of the suite's own"
CHECKS = {
    "sep-2575-server-rejects-undeclared-capability": TOOL,
    "sep-2575-missing-capability-http-400": TOOL,
    "sep-2575-http-server-no-independent-requests-on-stream": TOOL,
    "sep-2575-server-no-log-without-loglevel": TOOL,
    # Only for servers that do not implement it, and this one does: for clients of the era before.
    "sep-2575-http-server-method-not-found-404-initialize": "initialize is implemented",
    "server-sse-multiple-streams-session": "no sessions are kept",
    "server-sse-polling-session": "no sessions are kept",
    "sep-2549-prompts-list-caching-hints": "prompts",
    "sep-2549-resources-list-caching-hints": "resources",
    "sep-2549-resources-templates-list-caching-hints": "resources",
    "sep-2549-resources-read-caching-hints": "resources",
}
# Those that call tools, prompts and resources of the suite's own.
FIXTURES = re.compile(
    "tools-call-.*|prompts-get-.*|completion-complete|resources-(read-.*|templates-read|subscribe|unsubscribe)|json-schema-2020-12"
    "|elicitation-.*|input-required-result-.*|http-custom-header-server-validation|sep-2640-.*|tasks-.*"
)


def capabilities(url: str) -> set[str]:
    """What the server declares."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "interop", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": meta}}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "server/discover",
    }
    request = urllib.request.Request(url, json.dumps(message).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return set(json.load(answer)["result"]["capabilities"])


def checks(url: str, era: str, command: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The checks of each scenario of an era."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [*command, "server", "--url", url, "--suite", "all", "--spec-version", era, "--output-dir", folder],
            # Its exit code tells of the fixtures that are missing.
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
        )
        found = {}
        for file in Path(folder).glob("server-*/checks.json"):
            name = re.sub(r"-\d{4}-\d\d-\d\dT.*$", "", file.parent.name.removeprefix("server-"))
            found[name] = json.loads(file.read_text())
        return found


def failures(all_of: list[dict[str, Any]], declared: set[str]) -> list[str]:
    wrong = []
    for one in all_of:
        reason = CHECKS.get(one["id"])
        excused = reason is not None and reason not in declared
        if one["status"] in ("FAILURE", "WARNING") and not excused:
            wrong.append(f"{one['id']}: {one.get('errorMessage', one['status'])}")
    return wrong


def run(era: str, serving: Serving, command: list[str], tally: Tally) -> None:
    declared = capabilities(serving.mcp)
    found = checks(serving.mcp, era, command)
    expect(len(found) > 30, f"only {len(found)} scenarios were run")
    held = passed = 0
    for name, all_of in sorted(found.items()):
        if name not in PLAIN and WITH.get(name) not in declared:
            expect(name in WITH or FIXTURES.fullmatch(name) is not None, f"nobody has decided about the scenario {name}")
            continue
        held += 1
        passed += sum(one["status"] == "SUCCESS" for one in all_of)
        with tally.check(f"conformance {era}: {name}"):
            wrong = failures(all_of, declared)
            expect(not wrong, "\n".join(wrong))
    print(f"interop: conformance suite, {era}: {held} of {len(found)} scenarios need no fixture, {passed} checks passed")


def main(binary: str, *command: str) -> int:
    tally = Tally()
    with Serving(binary, "--toolsets", "all") as serving:
        for era in ERAS:
            with tally.check(f"conformance {era}"):
                run(era, serving, list(command), tally)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
