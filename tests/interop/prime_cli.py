"""Lets the official command line of Prime Intellect drive the sandbox, as a person would.

Usage: prime_cli.py BASE_URL PRIME_EXECUTABLE, where `rl-mcp sandbox` listens at the URL.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tally import Tally, expect

KEY = "pit_sandbox_prime_key"
# Seconds. One command takes less than one; stopping polls every three.
PATIENCE = 30.0
# Seconds for a run to get through its life.
LIFETIME = 60.0

STEPS = 6
# So many that a run goes on until it is stopped, however long the command line takes to start.
ENDLESS = 10_000
BATCH = 16
INTERVAL = 2
CONFIG = f"""
name = "interop"
max_steps = {{steps}}

[model]
name = "Qwen/Qwen3-0.6B"

[ckpt]
interval = {INTERVAL}

[trainer.optim]
lr = 0.01

[orchestrator]
batch_size = {BATCH}
group_size = 8

[orchestrator.train.sampling]
max_completion_tokens = 8

[[orchestrator.train.source]]
name = "letters"
env = {{{{ taskset = {{{{ id = "letter-class" }}}} }}}}

[inference]
"""


class Prime:
    """The command line, in a home of its own."""

    def __init__(self, executable: str, base_url: str, home: Path, key: str = KEY) -> None:
        self.executable = executable
        self.base_url = base_url
        self.home = home
        self.environment = {
            "HOME": str(home),
            "PRIME_API_BASE_URL": base_url,
            "PRIME_API_KEY": key,
            # It would ask the package index otherwise.
            "PRIME_DISABLE_VERSION_CHECK": "1",
            "COLUMNS": "200",
        }

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.executable, "--plain", *arguments],
            env=self.environment,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def text(self, *arguments: str) -> str:
        """What a command that must succeed prints."""
        done = self.call(*arguments)
        expect(done.returncode == 0, f"{arguments}: exit code {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.text(*arguments))

    def refused(self, why: str, *arguments: str) -> None:
        """A command that must fail, and say why."""
        done = self.call(*arguments)
        expect(done.returncode != 0, f"{arguments}: succeeded")
        expect(why in done.stdout, f"{arguments}: does not say {why!r}: {done.stdout}")

    def create(self, steps: int, *options: str) -> str:
        config = self.home / f"{steps}.toml"
        config.write_text(CONFIG.format(steps=steps))
        return self.dispatched("run", str(config), *options)

    def dispatched(self, *arguments: str) -> str:
        """The id of a run that a command starts."""
        run = self.json("train", *arguments, "--yes", "--output", "json")["run"]
        # Two GPUs.
        expect(run["estimatedCostPerHour"] == 2 * run["pricePerGpuHour"], f"costs {run}")
        return str(run["runId"])

    def get(self, run: str) -> Any:
        return self.json("train", "get", run, "--output", "json")["run"]

    def steps(self, run: str) -> list[int]:
        return [row["step"] for row in self.json("train", "metrics", run)["metrics"]]

    def wait(self, what: str, there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIFETIME
        while not there():
            expect(time.monotonic() < deadline, f"never came to be: {what}")
            time.sleep(0.05)

    def wait_for(self, run: str, status: str) -> None:
        def there() -> bool:
            now = self.get(run)
            ended = now["status"] in {"COMPLETED", "FAILED", "STOPPED", "PAUSED"}
            expect(now["status"] == status or not ended, f"ended otherwise: {now}")
            return bool(now["status"] == status)

        self.wait(f"{run} {status}", there)


def discovery(prime: Prime) -> None:
    kinds = prime.json("train", "gpus", "--output", "json")["gpuTypes"]
    models = prime.json("train", "models", "--output", "json")
    expect([kind["gpu_type"] for kind in models["on_demand"]] == kinds, f"{kinds}, {models}")
    expect("Qwen/Qwen3-0.6B" in [model["name"] for model in models["available_fft_models"]], f"{models}")


def finished_run(prime: Prime, run: str, tally: Tally) -> None:
    """All that can be seen of a run that has completed."""
    with tally.check("metrics"):
        rows = prime.json("train", "metrics", run)["metrics"]
        expect([row["step"] for row in rows] == list(range(1, STEPS + 1)), f"rows {rows}")
        expect(prime.json("train", "metrics", run, "--min-step", "3", "-n", "2")["metrics"] == rows[-2:], "narrowed")
    with tally.check("progress"):
        progress = prime.json("train", "progress", run)
        expect(progress["latest_step"] == STEPS and len(progress["steps_with_samples"]) == STEPS, f"{progress}")
    with tally.check("rollouts"):
        answer = prime.json("train", "rollouts", run, "--step", str(STEPS))
        rewards = [sample["reward"] for sample in answer["samples"]]
        expect(len(rewards) == BATCH == answer["total"], f"{answer}")
        mean = sum(rewards) / BATCH
        expect(abs(mean - rows[-1]["reward/mean"]) < 1e-9, f"the samples' mean {mean} is not that of {rows[-1]}")
    with tally.check("distributions"):
        bins = prime.json("train", "distributions", run, "--type", "rewards")["bins"]
        expect(sum(one["count"] for one in bins) == BATCH, f"{bins}")
    with tally.check("checkpoints"):
        prime.wait("READY checkpoints", lambda: len(checkpoints(prime, run)) == STEPS // INTERVAL)
        kept = checkpoints(prime, run)
        expect([one["step"] for one in kept] == list(range(INTERVAL, STEPS + 1, INTERVAL)), f"{kept}")
        expect(all(one["size_bytes"] > 100_000 for one in kept), f"{kept}")
    with tally.check("logs"):
        lines = prime.text("train", "logs", run, "--search", "Reward").splitlines()
        expect(len(lines) == STEPS, f"{lines}")
        for component, says in [("trainer", "Loss"), ("inference", "Weights updated")]:
            log = prime.text("train", "logs", run, "-c", component)
            expect(log.count(says) == STEPS, f"{component} does not say {says!r} each step: {log}")
        expect("mean reward" in prime.text("train", "logs", run, "--env", "letters"), "the environment's log")
        expect("ERROR" not in prime.text("train", "logs", run, "--all"), "errors in the log")
    with tally.check("components"):
        expect("letters" in prime.text("train", "components", run), "no environment")
    with tally.check("usage and wallet"):
        usage = prime.json("train", "usage", run, "--output", "json")
        trained = sum(row["tokens/training"] for row in rows)
        expect(usage["training"]["tokens"] == trained, f"{usage}, but trained on {trained}")
        billed = prime.json("wallet", "--output", "json")["recent_billings"]
        billed = [one["amount_usd"] for one in billed if one["resource_id"] == run]
        expect(billed == [usage["total_cost_usd"]], f"{billed}, {usage}")


def checkpoints(prime: Prime, run: str) -> list[Any]:
    answer = prime.json("train", "checkpoints", run, "--status", "READY", "--output", "json")
    return list(answer["checkpoints"])


def queue(prime: Prime, tally: Tally) -> None:
    """A run waits for the one before it, and can be stopped while it does."""
    ahead = prime.create(ENDLESS)
    with tally.check("queue"):
        queued = prime.create(STEPS)
        waiting = prime.get(queued)
        expect(waiting["status"] == "QUEUED" and waiting["runs_ahead"] == 1, f"not in the queue: {waiting}")
        prime.text("train", "stop", queued, "--force")
        expect(prime.get(queued)["status"] == "STOPPED", "not stopped in the queue")
    prime.text("train", "stop", ahead, "--force")


def steering(prime: Prime, tally: Tally) -> None:
    """What can be done to a run while it trains."""
    with tally.check("pause"):
        paused = prime.create(ENDLESS, "--volume", "interop", "--volume-size", "1Ti")
        prime.wait("first step", lambda: prime.steps(paused) != [])
        prime.text("train", "pause", paused, "--force")
        prime.wait_for(paused, "PAUSED")
    with tally.check("resume"):
        resumed = prime.dispatched("resume", paused)
        prime.wait("first step", lambda: prime.steps(resumed) != [])
        expect(prime.steps(resumed)[0] == prime.steps(paused)[-1] + 1, "does not go on where it was paused")
        prime.refused("PAUSED", "train", "resume", resumed, "--yes")
    with tally.check("restart"):
        prime.wait("a checkpoint", lambda: checkpoints(prime, resumed) != [])
        prime.text("train", "restart", resumed, "--force")
        log = ("train", "logs", resumed, "-c", "trainer", "--search", "Restarting from step")
        prime.wait("the restart", lambda: prime.text(*log) != "" and prime.get(resumed)["status"] == "RUNNING")
    with tally.check("stop while running"):
        prime.text("train", "stop", resumed, "--force")
        expect(prime.get(resumed)["status"] == "STOPPED", "not stopped")


def ending(prime: Prime, first: str, tally: Tally) -> None:
    """What is gone, and what is refused."""
    with tally.check("delete"):
        prime.text("train", "delete", first, "--force")
        prime.refused("Run not found", "train", "get", first)
        listed = [run["id"] for run in prime.json("train", "list", "--output", "json")["runs"]]
        expect(first not in listed, f"still listed: {listed}")
        # Repeating it is safe.
        prime.text("train", "delete", first, "--force")
    with tally.check("refusals"):
        config = prime.home / "wrong.toml"
        config.write_text(CONFIG.format(steps=0))
        prime.refused("config.max_steps", "train", "run", str(config), "--yes")
        stranger = Prime(prime.executable, prime.base_url, prime.home, "pit_wrong")
        stranger.refused("unauthorized", "train", "list")


def life(prime: Prime, first: str, tally: Tally) -> None:
    with tally.check("a run's life"):
        prime.wait_for(first, "COMPLETED")
        finished_run(prime, first, tally)
        ending(prime, first, tally)


def main(base_url: str, executable: str) -> int:
    tally = Tally()
    with tempfile.TemporaryDirectory() as home:
        prime = Prime(executable, base_url, Path(home))
        with tally.check("discovery"):
            discovery(prime)
        queue(prime, tally)
        first = prime.create(STEPS)
        # Most of the time goes into starting the command line: two at once.
        with ThreadPoolExecutor() as both:
            both.submit(life, prime, first, tally)
            both.submit(steering, prime, tally)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
