"""A loopback stand-in for both services: checks what arrives against the examples and answers from them."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

KEYS = {"TOGETHER_API_KEY": "interop-together-key", "PRIME_API_KEY": "interop-prime-key"}

# Operations that the server carries out by itself, if at all.
NOT_TOOLS = {"create-payload-upload-url", "create-payload-download-url", "delete-run"}
# Operations whose tool is not named after them by the rule below.
IRREGULAR = {"list-available-gpu-types": "listgputypes", "list-available-fft-models": "listmodels"}
# What the server adds to a query.
ADDED = {"get-run-samples": {"limit": "4"}}

# This session answers to nobody: the request stays open until the client gives up.
HANGING_SESSION = "00000000-0000-4000-8000-00000000dead"


@dataclass(frozen=True)
class Example:
    """One valid call of one operation, and its answer."""

    operation: str
    tool: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    request: Any
    status: int
    response: Any
    arguments: dict[str, Any]
    """What the tool is called with."""

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Example:
        operation, query = raw["operation"], raw["query"]
        body = {} if raw["request"] is None else {"body": raw["request"]}
        return cls(
            operation=operation,
            tool=tool_of(operation, raw["path"]),
            method=raw["method"],
            path=raw["path"].format(**raw["path_params"]),
            query={name: str(value) for name, value in query.items()} | ADDED.get(operation, {}),
            headers=raw["headers"],
            request=raw["request"],
            status=raw["response_status"],
            response=raw["response"],
            arguments=raw["path_params"] | query | body,
        )


def tool_of(operation: str, path: str) -> str:
    """The name of the tool that carries an operation out."""
    if not path.startswith("/api/v1/") or operation.startswith("prime-intellect-"):
        return operation
    return "prime-intellect-" + IRREGULAR.get(operation, operation.replace("-", ""))


def read_examples(folder: Path) -> list[Example]:
    """The examples of all tools."""
    files = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    operations = [raw for raw in files if "operation" in raw]
    return [Example.of(raw) for raw in operations if raw["operation"] not in NOT_TOOLS]


def canonical(value: Any) -> str:
    """Equal JSON has equal text; unlike `==`, this tells true, 1 and 1.0 apart."""
    return json.dumps(value, sort_keys=True)


class Upstream(ThreadingHTTPServer):
    """Both services. A context manager that serves on a free port until it is left."""

    def __init__(self, examples: Iterable[Example]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        examples = list(examples)
        self.examples = {(example.method, example.path): example for example in examples}
        # The price of a model resource is asked for with the body that creates it.
        creations = [example for example in examples if example.operation == "create-model-resource"]
        bodies = {canonical(without_nulls(example.request)) for example in creations}
        self.also_asked = {"estimate-model-resource-cost": bodies}
        self.requests = 0
        self.problems: list[str] = []
        self.idempotency_keys: set[str] = set()
        self.hanging = threading.Event()
        self.given_up = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def environment(self) -> dict[str, str]:
        """What makes the server talk to this upstream."""
        url = f"http://127.0.0.1:{self.server_port}"
        return KEYS | {"TOGETHER_BASE_URL": url, "PRIME_API_BASE_URL": url, "RL_MCP_TOOLSETS": "all"}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Upstream
    protocol_version = "HTTP/1.1"
    # Head and body are two writes, which would wait for each other's acknowledgement.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.handle_request()

    def do_POST(self) -> None:
        self.handle_request()

    def do_DELETE(self) -> None:
        self.handle_request()

    def do_PUT(self) -> None:
        self.handle_request()

    def do_PATCH(self) -> None:
        self.handle_request()

    def handle_request(self) -> None:
        self.server.requests += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        if url.path.endswith(HANGING_SESSION):
            self.hang()
            return
        example = self.server.examples.get((self.command, url.path))
        if example is None:
            problems = ["no example has this method and path"]
        else:
            problems = self.problems_with(example, url.query, body)
        if example is None or problems:
            self.server.problems += [f"{self.command} {self.path}: {problem}" for problem in problems]
            self.answer(400, {"error": {"message": "; ".join(problems)}})
        else:
            self.answer(example.status, example.response)

    def problems_with(self, example: Example, query: str, body: bytes) -> list[str]:
        """How the request differs from its example."""
        problems = []

        def compare(what: str, got: str, wanted: str) -> None:
            if got != wanted:
                problems.append(f"{what} is {got}, should be {wanted}")

        compare("query", str(sorted(parse_qsl(query))), str(sorted(example.query.items())))
        authorization = example.headers["Authorization"]
        for name, key in KEYS.items():
            authorization = authorization.replace(f"<{name}>", key)
        compare("Authorization", self.headers.get("Authorization", "missing"), authorization)
        if "Idempotency-Key" in example.headers:
            key = self.headers.get("Idempotency-Key", "")
            if not key or key in self.server.idempotency_keys:
                problems.append(f"Idempotency-Key {key!r} is not a new one")
            self.server.idempotency_keys.add(key)
        if example.request is None:
            compare("body", repr(body), repr(b""))
        else:
            compare("Content-Type", self.headers.get("Content-Type", "missing"), "application/json")
            sent, wanted = canonical(without_nulls(json.loads(body))), canonical(without_nulls(example.request))
            if sent not in self.server.also_asked.get(example.operation, set()):
                compare("body", sent, wanted)
        return problems

    def answer(self, status: int, value: Any) -> None:
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def hang(self) -> None:
        self.close_connection = True
        self.server.hanging.set()
        # Readable and empty is the end of the connection.
        if select.select([self.connection], [], [], 15)[0] and not self.connection.recv(1, socket.MSG_PEEK):
            self.server.given_up.set()

    def log_message(self, format: str, *args: object) -> None:
        """Keeps requests out of the output."""


def without_nulls(body: dict[str, Any]) -> dict[str, Any]:
    """Absent and null mean the same to both services."""
    return {name: value for name, value in body.items() if value is not None}
