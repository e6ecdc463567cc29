"""What a platform has to do, with the binary alone: a step of RL, a download, the journal, the end of input, and a
training that outlives its server. Run as: check.py COMMAND…, such as `check.py wine64 rl-mcp.exe`."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

COMMAND = sys.argv[1:]
PATIENCE = 300


class Server:
    """A server, spoken to as a host does."""

    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            text=True,
            encoding="utf-8",
        )
        self.id = 0
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "check", "version": "1"}}
        self.about = self.ask("initialize", hello)
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def write(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        self.id += 1
        self.write({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})
        while True:
            answer = json.loads(self.process.stdout.readline())
            if answer.get("id") == self.id:
                return answer["result"]

    def call(self, tool, **arguments):
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        text = result["content"][0]["text"]
        assert not result.get("isError"), f"{tool}: {text}"
        return json.loads(text)

    def end(self):
        """Ends it by the end of its input."""
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0


def sandbox():
    """The services alone, and the variables that lead there."""
    process = subprocess.Popen(
        [*COMMAND, "sandbox", "--sandbox-speed", "2000"], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    variables = {}
    while "PRIME_API_KEY" not in variables:
        found = re.match(r'(?:export |\$env:)(\w+) ?= ?"?([^"\n]*)', process.stdout.readline())
        if found:
            variables[found[1]] = found[2].strip()
    return process, variables


def seen(path):
    """A path as the program sees it: to Wine the root is a drive."""
    return path.replace("/", "\\").join(["Z:", ""]) if "wine" in COMMAND[0] else path


def is_plain(path):
    assert not path.startswith("\\\\?\\"), path
    return path


def step():
    """A step of RL, its adapter on the disk, and what the journal says of it."""
    server = Server("--sandbox", "--sandbox-speed", "2000")
    resource = server.call("create-model-resource", body={"base_model": "sandbox/byte-lm"})["id"]
    session = server.call("create-training-session", body={"model_resources_id": resource})["id"]
    sampled = server.call(
        "sample",
        session_id=session,
        prompts=["lower: ", "upper: "],
        body={"num_samples": 4, "sampling_params": {"max_tokens": 4, "seed": 1}},
    )
    is_plain(sampled["completions_file"])
    built = server.call(
        "build-training-batch",
        session_id=session,
        operation_ids=[sampled["id"]],
        rewards=[[1, 0, 0, 1], [0, 1, 1, 0]],
    )
    server.call("forward-backward-pass", session_id=session, body_path=is_plain(built["batches"][0]["path"]))
    server.call("optimizer-step", session_id=session, body={"adam_params": {"learning_rate": 0.005}})
    server.call("weights-sync", session_id=session)
    saved = server.call("create-inference-checkpoint", session_id=session)["output"]["checkpoint"]["id"]
    fetched = server.call("download-checkpoint", id=saved, variant="ADAPTER", directory="checkpoints/mine")
    assert fetched["state"] == "complete", fetched
    assert all(is_plain(file["path"]) for file in fetched["files"])
    activity = server.call("list-recent-activity")
    assert activity["may_be_billing"][0]["model_resources_id"] == resource, activity
    server.call("stop-training-session", session_id=session)
    server.call("stop-model-resource", model_resources_id=resource)
    server.end()
    print("a step, a download, the journal, the end of input: as expected")


def training(directory):
    """A training goes on when its server ends."""
    services, variables = sandbox()
    rows = os.path.join(directory, "rows.jsonl")
    with open(rows, "w", encoding="utf-8") as file:
        for number in range(16):
            letter = "ABCD"[number % 4]
            file.write(json.dumps({"prompt": f"{number}: eight times {letter}: ", "answer": letter * 8}) + "\n")
    place = seen(directory)
    environment = {**variables, "RL_MCP_FILE_DIRS": place, "RL_MCP_DATA_DIR": seen(os.path.join(directory, "data"))}
    first = Server(**environment)
    run = first.call(
        "start-training",
        method="grpo",
        base_model="sandbox/byte-lm",
        dataset="rows.jsonl",
        grader={"type": "similarity", "measure": "edit"},
        steps=12,
        rows_per_step=4,
        group_size=4,
        learning_rate=0.005,
        sampling={"max_tokens": 8},
    )["run_id"]
    first.process.kill()
    second = Server(**environment)
    until = time.monotonic() + PATIENCE
    while True:
        shown = second.call("get-training", run_id=run, wait_seconds=50)
        if "ended_at" in shown or time.monotonic() > until:
            break
    assert shown["status"] == "completed" and shown["step"] == 12, shown
    is_plain(shown["report"])
    assert second.call("list-recent-activity")["may_be_billing"] == []
    second.end()
    services.kill()
    print("a training outlives its server: as expected")


step()
with tempfile.TemporaryDirectory() as directory:
    training(directory)
