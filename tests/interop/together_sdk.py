"""Lets the official Python SDK of Together AI train on the sandbox, with its own helpers for waiting and for files.

Usage: together_sdk.py BASE_URL KEY, with `rl-mcp sandbox` at that URL and the packages of together-requirements.txt.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
from together import (
    APIStatusError,
    AsyncTogether,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    Together,
    UnprocessableEntityError,
)
from together.post_training import (
    AdamParams,
    Gradient,
    LossConfig,
    ModelInput,
    ModelResourcesClient,
    Sample,
    SampleResult,
    SamplingParams,
    SessionClient,
    download_checkpoint,
)
from together.post_training._operations import OperationFailedError
from together.post_training.clients import model_resources as resources_module
from together.post_training.clients import session as session_module
from together.types.post_training import RlSupportedModel

from tally import Mismatch, Tally, expect

# What the sandbox is known to be.
BYTE_MODEL, QWEN = "sandbox/byte-lm", "Qwen/Qwen3-0.6B"
END_OF_TEXT = 256
CONTEXT_LENGTH = 4096
MAX_RANK = 64

NOBODY = "00000000-0000-4000-8000-00000000dead"
TEXT = "The quick brown fox jumps over it."
PROMPTS = ("Once upon a time", "def main():", "Q", "Roses are red,\n")

# Seconds. The helpers' own are made for a service that takes minutes.
QUICK: dict[str, Any] = {"interval": 0.02, "timeout": 120}
STARTING: dict[str, Any] = {"interval": 0.1, "timeout": 30}
READY: dict[str, Any] = {"interval": 0.1, "ready_timeout": 30}
# Seconds. This must outlast the whole check.
IDLE = 43_200

# How far apart two computations of one log-probability may be.
CLOSE = 1e-5
# The same of sums over a text whose weights went through a file.
STORED = 1e-3
# Above this the SDK uploads a body instead of sending it.
UPLOADED = 512 * 1024
LARGE = 2_000_000
# Slots of a sample in such a body, and how many of them count: only those cost time.
LENGTH, SELECTED = 2048, 16

REFUSALS = (BadRequestError, UnprocessableEntityError)
# Bytes of one number in a file of weights.
WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8}

# One for each, with all that it can be told. The SDK knows short names too.
LOSSES: dict[str, LossConfig] = {
    "cross-entropy": {"type": "LOSS_TYPE_CROSS_ENTROPY", "cross_entropy_params": {}},
    "GRPO": {
        "type": "LOSS_TYPE_GRPO",
        "grpo_params": {
            "clip_low_threshold": 0.8,
            "clip_high_threshold": 1.28,
            "beta": 0.05,
            "agg_type": "GRPO_LOSS_AGGREGATION_TYPE_TOKEN_MEAN",
            "ratio_type": "GRPO_LOSS_RATIO_TYPE_SEQUENCE",
        },
    },
    "importance sampling": {"type": cast(Any, "importance_sampling")},
    "PPO": {"type": cast(Any, "ppo"), "ppo_params": {"clip_low_threshold": 0.8, "clip_high_threshold": 1.2}},
    "CISPO": {"type": "LOSS_TYPE_CISPO", "cispo_params": {"clip_low_threshold": 0.0, "clip_high_threshold": 4.0}},
    "DRO": {"type": "LOSS_TYPE_DRO", "dro_params": {"beta": 0.05}},
    "DPPO": {"type": "LOSS_TYPE_DPPO", "dppo_params": {"delta_low": 0.15, "delta_high": 0.2}},
}
CROSS_ENTROPY = LOSSES["cross-entropy"]


def expect_equal(got: object, wanted: object, what: str) -> None:
    expect(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def expect_close(got: Sequence[float], wanted: Sequence[float], what: str, within: float = CLOSE) -> None:
    expect_equal(len(got), len(wanted), f"length of {what}")
    for index, (left, right) in enumerate(zip(got, wanted)):
        expect(abs(left - right) <= within, f"{what}[{index}]: got {left!r}, wanted {right!r}")


@contextmanager
def raises(*kinds: type[Exception], saying: str = "") -> Iterator[None]:
    """The block must end with one of these exceptions."""
    try:
        yield
    except kinds as error:
        expect(saying in str(error), f"does not say {saying}: {error}")
    else:
        raise Mismatch(f"no {' or '.join(kind.__name__ for kind in kinds)}")


@dataclass(frozen=True)
class Sent:
    """One request that the SDK made."""

    method: str
    path: str
    body: bytes
    authorized: bool
    status: int


@dataclass
class Wire:
    """What goes over the wire, of all clients that the SDK makes."""

    sent: list[Sent] = field(default_factory=list)

    def watch(self) -> None:
        send, send_async = httpx.Client.send, httpx.AsyncClient.send

        def watched(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
            return self.record(request, send(client, request, **options))

        async def watched_async(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
            return self.record(request, await send_async(client, request, **options))

        cast(Any, httpx.Client).send, cast(Any, httpx.AsyncClient).send = watched, watched_async

    def record(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        authorized = "authorization" in request.headers
        self.sent.append(Sent(request.method, request.url.path, request.content, authorized, response.status_code))
        return response

    def take(self) -> list[Sent]:
        sent, self.sent = self.sent, []
        return sent


@dataclass
class Run:
    """What all checks share."""

    base_url: str
    key: str
    client: Together
    tally: Tally
    wire: Wire

    def resource(self, **options: Any) -> ModelResourcesClient:
        """A model resource that is READY."""
        return ModelResourcesClient.create(
            api_key=self.key, base_url=self.base_url, inactive_timeout=IDLE, **READY, **options
        )


def prepare() -> None:
    """Makes the SDK's helpers quick, strict and quiet where they take no arguments for it."""
    session_module.DEFAULT_SESSION_STOP_INTERVAL = 0.1
    resources_module.DEFAULT_MODEL_RESOURCES_STOP_INTERVAL = 0.1
    for module in (session_module, resources_module):
        # By itself the SDK takes whatever comes. Now an answer must be what its types say.
        cast(Any, module).AsyncTogether = partial(AsyncTogether, _strict_response_validation=True)
        # Its helpers report every step of a wait.
        cast(Any, module).print = lambda *_: None


def tokens_of(text: str) -> list[int]:
    """The sandbox's tokens are bytes."""
    return list(text.encode())


def model_input(*chunks: Sequence[int | str]) -> ModelInput:
    return {"chunks": [{"encoded_text": {"tokens": list(chunk)}} for chunk in chunks]}


def numbers(tokens: Sequence[str | int]) -> list[int]:
    """64-bit integers may come as strings."""
    return [int(token) for token in tokens]


@dataclass(frozen=True)
class Completion:
    """A completion that was sampled, with its advantage over the others of its prompt."""

    prompt: list[int]
    tokens: list[int]
    logprobs: list[float]
    advantage: float

    def slots(self, values: Sequence[float]) -> list[float]:
        """A tensor: zeros for the prompt, then one value for each token of the completion."""
        return [0.0] * (len(self.prompt) - 1) + [float(value) for value in values]

    def sample(self, loss: str) -> Sample:
        """With the tensors that the loss takes, as plain lists: the SDK gives them their types."""
        text = self.prompt + self.tokens
        selected = self.slots([1] * len(self.tokens))
        inputs: dict[str, Any] = {"target_tokens": text[1:]}
        if loss == "cross-entropy":
            inputs["weights"] = selected
        else:
            inputs["mask"] = [int(value) for value in selected]
            inputs["logprobs"] = self.slots(self.logprobs)
            inputs["advantages"] = self.slots([self.advantage] * len(self.tokens))
        if loss == "GRPO":
            # The policy that sampled has not been trained yet, so it is the reference too.
            inputs["reference_logprobs"] = self.slots(self.logprobs)
        return {"model_input": model_input(text[:-1]), "loss_fn_inputs": inputs}


def completions_of(prompts: Sequence[list[int]], results: Sequence[SampleResult]) -> list[Completion]:
    """Rewards low bytes, and compares within the completions of each prompt."""
    completions = []
    for prompt, result in zip(prompts, results, strict=True):
        rewards = [-sum(numbers(sequence.tokens)) / len(sequence.tokens) / 256 for sequence in result.sequences]
        mean = sum(rewards) / len(rewards)
        for sequence, reward in zip(result.sequences, rewards):
            logprobs = sequence.logprobs or []
            completions.append(Completion(prompt, numbers(sequence.tokens), logprobs, reward - mean))
    return completions


def supervised(text: str, weight: float = 1.0) -> Sample:
    """All of a text but its first token, with tensors in full."""
    tokens = tokens_of(text)
    shape = [len(tokens) - 1]
    return {
        "model_input": model_input(tokens[:-1]),
        "loss_fn_inputs": {
            "target_tokens": {"data": tokens[1:], "dtype": "int64", "shape": shape},
            "weights": {"data": [weight] * shape[0], "dtype": "float32", "shape": shape},
        },
    }


def adam(learning_rate: float) -> AdamParams:
    return {
        "learning_rate": learning_rate,
        "beta1": 0.9,
        "beta2": 0.95,
        "eps": 1e-8,
        "weight_decay": 0.0,
        "grad_clip_norm": 1.0,
    }


def score(session: SessionClient, text: str = TEXT) -> float:
    """The log-probability of a text under the policy that samples."""
    return sum(session.generator.compute_logprobs(model_input(tokens_of(text)), **QUICK))


def learn(session: SessionClient, text: str = TEXT, learning_rate: float = 0.01) -> int:
    """One step towards a text."""
    session.trainer.forward_backward(samples=[supervised(text)], loss=CROSS_ENTROPY, **QUICK)
    return int(session.trainer.optim_step(adam_params=adam(learning_rate), **QUICK).step)


def versions(result: SampleResult) -> list[tuple[int, int]]:
    return [(segment.version, segment.start_token) for segment in result.policy_segments]


def paged(listing: Callable[..., Any]) -> list[str]:
    """The ids of all pages of one entry each."""
    ids: list[str] = []
    after: dict[str, str] = {}
    for _ in range(1000):
        page = listing(limit=1, **after)
        expect(len(page.data) <= 1, f"{len(page.data)} entries instead of one")
        ids += [entry.id for entry in page.data]
        if not page.meta.has_more:
            expect(not page.meta.next_cursor, "a cursor after the last page")
            return ids
        expect(len(page.data) == 1 and bool(page.meta.next_cursor), "has more, but no entry or no cursor")
        after = {"after": page.meta.next_cursor}
    raise Mismatch("the pages do not end")


def check_listing(listing: Callable[..., Any], wanted: Sequence[str], what: str) -> None:
    """All of these are in the list, and it is the same page by page."""
    whole = [entry.id for entry in listing(limit=100).data]
    expect(set(wanted) <= set(whole), f"{what}: {whole} lack some of {list(wanted)}")
    expect_equal(paged(listing), whole, f"pages of {what}")


def safetensors(path: Path) -> dict[str, Any]:
    """The header of a file of weights, whose tensors must fill the file."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    expect(0 < length <= len(data) - 8, f"{path.name}: a header of {length} bytes in a file of {len(data)}")
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    expect(bool(header), f"{path.name}: no tensors")
    end = 0
    for name, tensor in sorted(header.items(), key=lambda entry: entry[1]["data_offsets"]):
        begin, stop = tensor["data_offsets"]
        size = math.prod(tensor["shape"]) * WIDTHS[tensor["dtype"]]
        expect(begin == end and stop - begin == size, f"{path.name}: {name} does not fit: {tensor}")
        end = stop
    expect_equal(len(data), 8 + length + end, f"{path.name}: size")
    return header


def catalogue(run: Run) -> None:
    """What there is, and what it would cost."""
    with run.tally.check("supported models"):
        models = {model.base_model: model for model in run.client.post_training.supported_models.get().data}
        for name in (BYTE_MODEL, QWEN):
            expect(name in models, f"{name} is not among {list(models)}")
            check_model(models[name])
    with run.tally.check("estimate of the cost"):
        for replicas in (0, 2):
            cost = run.client.post_training.model_resources.estimate_cost(
                base_model=QWEN, compute_config={"num_generator_replicas": replicas}, lora_enabled=True
            )
            expect(cost.currency == "USD" and cost.price_per_hour > 0, f"costs {cost}")


def check_model(model: RlSupportedModel) -> None:
    configs = {config.gpu_type: config for config in model.compute_configs or []}
    config = configs.get(model.default_gpu_type)
    if config is None or config.generator_config is None or config.trainer_config is None:
        raise Mismatch(f"no whole configuration for {model.default_gpu_type}: {model}")
    expect_equal(config.generator_config.context_length, CONTEXT_LENGTH, "context_length")
    lora = config.trainer_config.lora
    expect(lora is not None and lora.max_rank == MAX_RANK, f"LoRA: {lora}")
    expect(config.trainer_config.full is not None, "no full-weight training")


def lora(run: Run) -> None:
    """The life of a resource with LoRA sessions."""
    tally = run.tally
    with tally.check("LoRA: the whole"):
        resource = run.resource(
            base_model=BYTE_MODEL,
            compute_config={"num_generator_replicas": 1},
            optimizer_config={"adam": {}},
        )
        with tally.check("model resource"):
            check_resource(resource)
        session = resource.create_session(
            display_name="interop",
            metadata={"wandb": {"project": "sandbox", "run_name": "one"}},
            lora_config={"rank": 8, "alpha": 16, "dropout": 0.0, "seed": "7", "train_unembed": True},
            **STARTING,
        )
        with tally.check("training session"):
            check_session(session, resource)
        with tally.check("attaching to a session"):
            attached = SessionClient.attach(session_id=session.session_id, api_key=run.key, base_url=run.base_url)
            expect(attached.has_generator, "no generator")
            expect_equal(attached.retrieve().id, session.session_id, "id")
            attached.detach()
        sampling(run, session)
        training(run, session)
        idempotency(run, session)
        failures(run, session)
        keep = checkpoints(run, session)
        resuming(run, resource, session, *keep)
        sessions(run, resource, session)
        ending(run, resource, session)


def check_resource(resource: ModelResourcesClient) -> None:
    got = resource.retrieve()
    expect_equal(got.status, "MODEL_RESOURCES_STATUS_READY", "status")
    expect_equal(got.base_model, BYTE_MODEL, "base_model")
    expect_equal(got.compute_config.num_generator_replicas, 1, "replicas")
    expect_equal(got.inactive_timeout, IDLE, "inactive_timeout")
    expect(got.lora_enabled, "LoRA is off")
    expect(got.optimizer_config.adam is not None and got.optimizer_config.muon is None, f"{got.optimizer_config}")
    expect(got.error is None and got.base_weights_ref is None, f"too much: {got}")
    if got.expires_at is None:
        raise Mismatch("READY, but no expires_at")
    expect(got.expires_at > got.created_at, f"expires at {got.expires_at}")
    before = got.expires_at
    after = resource.extend_expiry(seconds=86_400)
    expect(after.expires_at is not None and after.expires_at > before, f"{before} was moved to {after.expires_at}")


def check_session(session: SessionClient, resource: ModelResourcesClient) -> None:
    got = session.retrieve()
    expect_equal(got.status, "TRAINING_SESSION_STATUS_RUNNING", "status")
    expect_equal((got.base_model, got.resources_id), (BYTE_MODEL, resource.model_resources_id), "resource")
    expect_equal(got.display_name, "interop", "display_name")
    wandb = got.metadata.wandb
    expect(wandb is not None and wandb.project == "sandbox" and wandb.run_name == "one", f"metadata: {got.metadata}")
    config = got.lora_config
    if config is None:
        raise Mismatch("no lora_config")
    expect_equal((config.rank, config.alpha, config.dropout), (8, 16, 0), "lora_config")
    expect_equal((int(config.seed or 0), config.train_unembed), (7, True), "lora_config")
    check_policy(session, step=0, synced=0)
    expect(not got.training_checkpoints and not got.inference_checkpoints, "checkpoints of a new session")
    expect(got.error is None and got.resume_from_checkpoint_id is None, f"too much: {got}")


def check_policy(session: SessionClient, step: int, synced: int) -> None:
    got = session.retrieve()
    expect_equal(int(got.step), step, "step")
    policy = got.policy_state
    wanted = (step, synced, synced, False)
    versions_now = (
        int(policy.trainer_step),
        int(policy.target_weights_version),
        int(policy.applied_weights_version),
        policy.pending_publish,
    )
    expect_equal(versions_now, wanted, "policy_state")


def sampling(run: Run, session: SessionClient) -> None:
    """Of a session that is not trained yet."""
    tally, generator = run.tally, session.generator
    prompts = [tokens_of(prompt) for prompt in PROMPTS]
    inputs = [model_input(prompt) for prompt in prompts]
    params: SamplingParams = {
        "max_tokens": 24,
        "temperature": 0.9,
        "top_p": 0.95,
        "top_k": 40,
        "stop": ["e", "\n\n"],
        "seed": 11,
    }

    with tally.check("sampling with everything"):
        asked: dict[str, Any] = {"num_samples": 3, "prompt_logprobs": True, "topk_prompt_logprobs": 5, **QUICK}
        results = generator.sample_batch(inputs, sampling_params=params, **asked)
        expect_equal(len(results), len(prompts), "number of results")
        for prompt, result in zip(prompts, results):
            expect_equal(len(result.sequences), 3, "number of sequences")
            check_sequences(result, params)
            check_prompt_scores(result, prompt, 5)
            expect_equal(versions(result), [(0, 0)], "policy segments")

    with tally.check("sampling with nothing"):
        result = generator.sample(inputs[0], **QUICK)
        expect_equal(len(result.sequences), 1, "number of sequences")
        check_sequences(result, {"max_tokens": 512})
        expect(not result.prompt_logprobs and not result.topk_prompt_logprobs, "scores that nobody asked for")

    def seeded(seed: int | str, *chunks: Sequence[int | str]) -> list[list[int]]:
        free: SamplingParams = {"max_tokens": 24, "seed": seed}
        result = generator.sample(model_input(*chunks), num_samples=2, sampling_params=free, **QUICK)
        return [numbers(sequence.tokens) for sequence in result.sequences]

    with tally.check("the same seed gives the same completions"):
        first = seeded(3, prompts[0])
        expect_equal(seeded(3, prompts[0]), first, "again")
        expect_equal(seeded("3", prompts[0]), first, "with the seed as text")
        expect_equal(seeded(3, prompts[0][:4], [str(token) for token in prompts[0][4:]]), first, "in two chunks")
        expect(seeded(4, prompts[0]) != first, "another seed gives the same")
        expect(first[0] != first[1], "the two samples of one prompt are equal")

    with tally.check("the most likely tokens only"):
        greedy: SamplingParams = {"max_tokens": 12, "top_k": 1, "temperature": 1.0}
        [sequence] = generator.sample(inputs[0], sampling_params=greedy, **QUICK).sequences
        text = prompts[0] + numbers(sequence.tokens)
        one: SamplingParams = {"max_tokens": 1}
        best = generator.sample(model_input(text), sampling_params=one, topk_prompt_logprobs=1, **QUICK)
        alternatives = (best.topk_prompt_logprobs or [])[len(prompts[0]) :]
        chosen = [[token] for token in text[len(prompts[0]) :]]
        expect_equal([entry.token_ids for entry in alternatives], chosen, "best tokens")

    with tally.check("scoring gives the log-probabilities of sampling"):
        free: SamplingParams = {"max_tokens": 24, "temperature": 1.0, "top_p": 1.0, "top_k": -1, "seed": 5}
        for sampled in (free, params):
            results = generator.sample_batch(inputs, sampling_params=sampled, num_samples=2, **QUICK)
            pairs = [(prompt, each) for prompt, result in zip(prompts, results) for each in result.sequences]
            texts = [model_input(prompt + numbers(sequence.tokens)) for prompt, sequence in pairs]
            scores = generator.compute_logprobs_batch(texts, **QUICK)
            for (prompt, sequence), logprobs in zip(pairs, scores, strict=True):
                expect_close(logprobs[len(prompt) :], sequence.logprobs or [], "logprobs")

    with tally.check("many samples at once"):

        async def together() -> list[SampleResult]:
            calls = (
                generator.sample_async(entry, sampling_params={"max_tokens": 4, "seed": seed}, **QUICK)
                for entry, seed in itertools.product(inputs, range(6))
            )
            return await asyncio.gather(*calls)

        for result in asyncio.run(together()):
            check_sequences(result, {"max_tokens": 4})


def check_sequences(result: SampleResult, params: SamplingParams) -> None:
    longest = params["max_tokens"]
    stops = list(params.get("stop", []))
    for sequence in result.sequences:
        tokens, logprobs = numbers(sequence.tokens), sequence.logprobs or []
        expect(0 < len(tokens) <= longest, f"{len(tokens)} tokens, at most {longest} were asked for")
        expect_equal(len(logprobs), len(tokens), "number of logprobs")
        expect(all(0 <= token <= END_OF_TEXT for token in tokens), f"tokens {tokens}")
        expect(all(logprob <= 0 for logprob in logprobs), f"logprobs {logprobs}")
        text = bytes(token for token in tokens if token != END_OF_TEXT)
        stopped = tokens[-1] == END_OF_TEXT or any(stop.encode() in text for stop in stops)
        if sequence.stop_reason == "STOP_REASON_LENGTH":
            expect(len(tokens) == longest and not stopped, f"LENGTH, but {tokens}")
        else:
            expect(stopped, f"STOP, but {tokens}")
        expect(sequence.prompt_cache_hit_tokens >= 0, "negative cache hits")


def check_prompt_scores(result: SampleResult, prompt: list[int], alternatives: int) -> None:
    logprobs, top = result.prompt_logprobs or [], result.topk_prompt_logprobs or []
    expect_equal((len(logprobs), len(top)), (len(prompt), len(prompt)), "lengths of prompt scores")
    expect_equal(logprobs[0], 0, "score of the first token")
    expect(not top[0].token_ids and not top[0].logprobs, f"alternatives to the first token: {top[0]}")
    for token, logprob, entry in zip(prompt[1:], logprobs[1:], top[1:]):
        ids, scores = entry.token_ids or [], entry.logprobs or []
        expect_equal((len(set(ids)), len(scores)), (alternatives, alternatives), "number of alternatives")
        expect(scores == sorted(scores, reverse=True), f"not best first: {scores}")
        if token in ids:
            expect_close([scores[ids.index(token)]], [logprob], "score among the alternatives")
        else:
            expect(logprob <= scores[-1] + CLOSE, f"{token} with {logprob} is missing from {entry}")


def training(run: Run, session: SessionClient) -> None:
    """From real completions of the session itself."""
    tally, trainer, generator = run.tally, session.trainer, session.generator
    prompts = [tokens_of(prompt) for prompt in PROMPTS]
    params: SamplingParams = {"max_tokens": 16, "temperature": 1.0, "seed": 1}
    results = generator.sample_batch(
        [model_input(prompt) for prompt in prompts], num_samples=4, sampling_params=params, **QUICK
    )
    batch = completions_of(prompts, results)
    batches = {loss: [completion.sample(loss) for completion in batch] for loss in LOSSES}

    with tally.check("forward only gives aligned log-probabilities"):
        for loss, config in LOSSES.items():
            result = trainer.forward(samples=batches[loss], loss=config, **QUICK)
            outputs = [output.tensors["logprobs"] for output in result.loss_fn_outputs or []]
            expect_equal(len(outputs), len(batch), f"{loss}: number of outputs")
            for completion, output in zip(batch, outputs):
                expect_equal(output.dtype, "float32", "dtype")
                # Nothing is trained yet, so the trainer agrees with the generator.
                expect_close(output.data, completion.slots(completion.logprobs), f"{loss}: logprobs")
            if loss == "cross-entropy":
                wanted = -sum(sum(completion.logprobs) for completion in batch)
                expect_close([result.loss], [wanted], "loss", within=1e-4 * abs(wanted))

    with tally.check("forward only leaves no gradient"):
        before = score(session)
        expect_equal(int(trainer.optim_step(adam_params=adam(0.1), **QUICK).step), 1, "step")
        expect_equal(int(trainer.weights_sync(**QUICK).weights_version), 1, "weights_version")
        expect_close([score(session)], [before], "score", within=1e-9)

    for step, (loss, config) in enumerate(LOSSES.items(), start=2):
        with tally.check(f"loss {loss}"):
            wants = loss in ("GRPO", "PPO")
            asked = {"return_loss_fn_outputs": True} if wants else {}
            result = trainer.forward_backward(samples=batches[loss], loss=config, **asked, **QUICK)
            expect(math.isfinite(result.loss), f"loss {result.loss}")
            expect(all(map(math.isfinite, (result.metrics or {}).values())), f"metrics {result.metrics}")
            outputs_now = result.loss_fn_outputs or []
            expect_equal(len(outputs_now), len(batch) if wants else 0, "number of outputs")
            for completion, entry in zip(batch, outputs_now):
                slots = completion.slots(completion.logprobs)
                expect_equal(len(entry.tensors["logprobs"].data), len(slots), "length of outputs")
            expect_equal(int(trainer.optim_step(adam_params=adam(0.002), **QUICK).step), step, "step")

    step = 1 + len(LOSSES)
    probe: SamplingParams = {"max_tokens": 2}
    with tally.check("the old policy samples until the weights are synced"):
        expect_close([score(session)], [before], "score before the sync", within=1e-9)
        sampled = generator.sample(model_input(prompts[0]), sampling_params=probe, **QUICK)
        expect_equal(versions(sampled), [(1, 0)], "old")
        check_policy(session, step=step, synced=1)
        expect_equal(int(trainer.weights_sync(**QUICK).weights_version), step, "weights_version")
        sampled = generator.sample(model_input(prompts[0]), sampling_params=probe, **QUICK)
        expect_equal(versions(sampled), [(step, 0)], "new")
        check_policy(session, step=step, synced=step)
        expect(abs(score(session) - before) > CLOSE, "seven steps have changed nothing")

    with tally.check("cross-entropy raises the probability of a text"):
        before = score(session)
        losses = []
        for _ in range(5):
            result = trainer.forward_backward(samples=[supervised(TEXT)], loss=CROSS_ENTROPY, **QUICK)
            losses.append(result.loss)
            step = int(trainer.optim_step(adam_params=adam(0.01), **QUICK).step)
        # The loss is that of before the step, and a sum.
        expect_close(losses[:1], [-before], "first loss", within=1e-4 * abs(before))
        expect(losses == sorted(losses, reverse=True), f"losses {losses}")
        trainer.weights_sync(**QUICK)
        expect(score(session) > before + 1, f"score {before} before, {score(session)} after")

    with tally.check("own gradients"):
        text = "Custom losses work as well."
        before = score(session, text)
        scored = trainer.forward(samples=[supervised(text)], loss=CROSS_ENTROPY, **QUICK)
        logprobs = (scored.loss_fn_outputs or [])[0].tensors["logprobs"].data
        expect_close([sum(logprobs)], [before], "score", within=1e-4 * abs(before))
        gradient: Gradient = {"data": [-1.0] * len(logprobs), "dtype": "D_TYPE_FLOAT32"}
        trainer.custom_forward_backward(samples=[supervised(text)], gradients=[gradient], **QUICK)
        trainer.optim_step(adam_params=adam(0.01), **QUICK)
        trainer.weights_sync(**QUICK)
        expect(score(session, text) > before, f"score {before} before, {score(session, text)} after")

    with tally.check("a publish in the background"):
        learn(session)
        synced = trainer.weights_sync(weight_sync_type="WEIGHT_SYNC_TYPE_BACKGROUND_PUBLISH", **QUICK)
        version = int(synced.weights_version)
        patience = time.monotonic() + 10
        while (state := session.retrieve().policy_state).pending_publish and time.monotonic() < patience:
            time.sleep(0.05)
        expect_equal((int(state.applied_weights_version), state.pending_publish), (version, False), "policy_state")

    large(run, session)
    with tally.check("a result that is downloaded"):
        offloaded(run, session)


def large_sample(index: int, *inputs: str) -> Sample:
    """The short copy that is sent when the SDK uploads a body has eight slots, none of which counts."""
    text = [32 + (index + slot * slot) % 95 for slot in range(LENGTH + 1)]
    digits = [-math.pi - math.sin(slot) for slot in range(LENGTH)]
    mask = [0] * (LENGTH - SELECTED) + [1] * SELECTED
    tensors: dict[str, Any] = {"target_tokens": text[1:], "mask": mask} | dict.fromkeys(inputs, digits)
    return {"model_input": model_input(text[:-1]), "loss_fn_inputs": tensors}


def check_upload(run: Run, operation: str) -> int:
    """One upload without the key, and its short copy in the operation. Returns the size of the upload."""
    sent = run.wire.take()
    uploads = [request for request in sent if request.method == "PUT"]
    urls = [request for request in sent if request.path.endswith("/payloads/upload-url")]
    [posted] = [request for request in sent if request.path.endswith(f"/operations/{operation}")]
    expect_equal((len(uploads), len(urls)), (1, 1), "uploads and URLs for them")
    size = len(uploads[0].body)
    expect(size > UPLOADED and not uploads[0].authorized, f"upload of {size} bytes")
    expect(len(posted.body) < UPLOADED and b'"payload_id"' in posted.body, f"operation of {len(posted.body)} bytes")
    print(f"interop: {operation}: {size} bytes uploaded, {len(posted.body)} in the operation")
    return size


def large(run: Run, session: SessionClient) -> None:
    """What the SDK uploads because it is large."""
    tally, trainer, generator = run.tally, session.trainer, session.generator

    with tally.check("a batch that is uploaded"):
        run.wire.take()
        samples = [large_sample(index, "logprobs", "advantages", "reference_logprobs") for index in range(15)]
        asked: dict[str, Any] = {"return_loss_fn_outputs": True, **QUICK}
        result = trainer.forward_backward(samples=samples, loss=LOSSES["GRPO"], **asked)
        size = check_upload(run, "forward-backward")
        expect(size > LARGE, f"only {size} bytes")
        outputs = [output.tensors["logprobs"].data for output in result.loss_fn_outputs or []]
        expect_equal([len(output) for output in outputs], [LENGTH] * len(samples), "lengths of outputs")
        for output in outputs:
            expect(all(value == 0 for value in output[:-SELECTED]), "a score where the mask is 0")
            expect(all(value < 0 for value in output[-SELECTED:]), f"scores {output[-SELECTED:]}")
        # Its gradient is of no use.
        trainer.optim_step(adam_params=adam(0.0), **QUICK)

    with tally.check("own gradients that are uploaded"):
        before = score(session)
        samples = [large_sample(index) for index in range(30)]
        gradient: Gradient = {"data": [-1 / math.pi] * LENGTH}
        trainer.custom_forward_backward(samples=samples, gradients=[gradient] * len(samples), **QUICK)
        check_upload(run, "custom-forward-backward")
        trainer.optim_step(adam_params=adam(0.001), **QUICK)
        trainer.weights_sync(**QUICK)
        expect(abs(score(session) - before) > CLOSE, "there was no gradient")

    with tally.check("prompts that are uploaded"):
        # They differ at their ends only, so a short copy would get other completions.
        prompts = [[65] * 3900 + tokens_of(f"{index} is a number, and {index + 1}") for index in range(50)]
        greedy: SamplingParams = {"max_tokens": 4, "top_k": 1}
        run.wire.take()
        results = generator.sample_batch(map(model_input, prompts), sampling_params=greedy, **QUICK)
        check_upload(run, "sample")
        expect_equal(len(results), len(prompts), "number of results")
        for index in (0, -1):
            alone = generator.sample(model_input(prompts[index]), sampling_params=greedy, **QUICK)
            expect_equal(results[index].sequences[0].tokens, alone.sequences[0].tokens, "completion")


def offloaded(run: Run, session: SessionClient) -> None:
    """A result that is too large for an answer, so that the SDK has to download it."""
    # In an answer like that the SDK's own type is incomplete, so this one must not be strict.
    lenient = SessionClient(session.session_id, AsyncTogether(api_key=run.key, base_url=run.base_url))
    text = [32 + slot % 95 for slot in range(3000)]
    run.wire.take()
    result = lenient.generator.sample(
        model_input(text),
        sampling_params={"max_tokens": 1},
        prompt_logprobs=True,
        topk_prompt_logprobs=20,
        **QUICK,
    )
    lenient.detach()
    check_prompt_scores(result, text, 20)
    sent = run.wire.take()
    asked = [request for request in sent if request.path.endswith("/download-url")]
    fetched = [request for request in sent if request.method == "GET" and not request.authorized]
    expect_equal((len(asked), len(fetched)), (1, 1), "downloads")


def idempotency(run: Run, session: SessionClient) -> None:
    """The helpers make the keys themselves, so this goes through the methods below them."""
    operations, own = run.client.post_training.operations, session.session_id
    path = f"{run.base_url.rstrip('/')}/v1/rl/training-sessions/{own}/operations"

    with run.tally.check("the same key and body give the same operation"):
        inputs = [model_input(tokens_of("Twice"))]
        first = operations.sample(own, idempotency_key="interop-sample", model_inputs=inputs)
        second = operations.sample(own, idempotency_key="interop-sample", model_inputs=inputs)
        expect_equal(second.id, first.id, "id")
        before = int(session.retrieve().step)
        steps = [operations.optim_step(own, idempotency_key="interop-step", adam_params=adam(0.0)).id for _ in range(3)]
        expect_equal(len(set(steps)), 1, "number of operations")
        saved = [operations.create_training_checkpoint(own, idempotency_key="interop-save").id for _ in range(2)]
        expect_equal(len(set(saved)), 1, "number of checkpoints")
        patience = time.monotonic() + 30
        while time.monotonic() < patience:
            done = operations.retrieve_training_checkpoint(saved[0], session_id=own)
            if done.status not in ("TRAINING_OPERATION_STATUS_PENDING", "TRAINING_OPERATION_STATUS_RUNNING"):
                break
            time.sleep(0.05)
        expect_equal(done.status, "TRAINING_OPERATION_STATUS_COMPLETED", "status")
        expect_equal(int(session.retrieve().step), before + 1, "step")

    with run.tally.check("the same key with another body is refused"):
        run.wire.take()
        with raises(ConflictError):
            operations.sample(own, idempotency_key="interop-sample", model_inputs=[model_input([1])])
        # Trying again cannot help, and the SDK does so unless it is told.
        expect_equal(len(run.wire.take()), 1, "number of attempts")

    with run.tally.check("a missing key is refused"):
        authorization = {"Authorization": f"Bearer {run.key}"}
        answer = httpx.post(f"{path}/optim-step", json={}, headers=authorization)
        expect_equal(answer.status_code, 400, "status")
        error = answer.json()["error"]
        expect(isinstance(error["message"], str) and isinstance(error["type"], str), f"error {error}")


def failures(run: Run, session: SessionClient) -> None:
    rl, own = run.client.post_training, session.session_id

    with run.tally.check("unknown ids"):
        for unknown in (NOBODY, "no-such-id"):
            calls: list[Callable[[], object]] = [
                partial(rl.sessions.retrieve, unknown),
                partial(rl.sessions.stop, unknown),
                partial(rl.sessions.update, unknown, display_name="x"),
                partial(rl.sessions.create, model_resources_id=unknown),
                partial(rl.model_resources.retrieve, unknown),
                partial(rl.model_resources.stop, unknown),
                partial(rl.model_resources.extend_expiry, unknown, seconds=60),
                partial(rl.checkpoints.retrieve, unknown),
                partial(rl.checkpoints.download, unknown, variant="CHECKPOINT_VARIANT_MERGED"),
                partial(rl.operations.retrieve_sample, unknown, session_id=own),
                partial(rl.operations.optim_step, unknown, idempotency_key="x"),
            ]
            for call in calls:
                with raises(NotFoundError):
                    call()
        with raises(NotFoundError):
            ModelResourcesClient.attach(model_resources_id=NOBODY, api_key=run.key, base_url=run.base_url)

    with run.tally.check("a wrong key"):
        with Together(api_key="wrong", base_url=run.base_url) as stranger, raises(AuthenticationError):
            stranger.post_training.supported_models.get()

    with run.tally.check("operations that fail"):
        foreign = model_input([72, 5000])
        bad: Sample = {
            "model_input": foreign,
            "loss_fn_inputs": cast(Any, {"target_tokens": [5000, 72], "weights": [1.0, 1.0]}),
        }
        code = "TRAINING_OPERATION_ERROR_CODE_INVALID_INPUT"
        with raises(OperationFailedError, saying=code):
            session.trainer.forward_backward(samples=[bad], loss=CROSS_ENTROPY, **QUICK)
        with raises(OperationFailedError, saying=code):
            session.generator.sample(foreign, **QUICK)
        # Whether this is found out at once or later, nobody knows.
        short: Sample = {
            "model_input": model_input([72, 73, 74]),
            "loss_fn_inputs": cast(Any, {"target_tokens": [73, 74], "weights": [1.0, 1.0]}),
        }
        with raises(OperationFailedError, *REFUSALS):
            session.trainer.forward_backward(samples=[short], loss=CROSS_ENTROPY, **QUICK)
        # None of it ends the session.
        session.generator.sample(model_input([72]), sampling_params={"max_tokens": 1}, **QUICK)

    with run.tally.check("requests that are refused"):
        resource = session.retrieve().resources_id
        refused: list[Callable[[], object]] = [
            partial(rl.sessions.create, model_resources_id=resource, lora_config={"rank": MAX_RANK + 1}),
            partial(rl.model_resources.create, base_model="no/such-model"),
            partial(rl.model_resources.create, base_model=BYTE_MODEL, inactive_timeout=1),
            partial(rl.model_resources.extend_expiry, resource, seconds=1),
            partial(rl.sessions.list, limit=101),
        ]
        for call in refused:
            with raises(*REFUSALS, NotFoundError):
                call()


def checkpoints(run: Run, session: SessionClient) -> tuple[str, str]:
    """Saves both kinds; returns their ids."""
    rl, own = run.client.post_training, session.session_id
    # So that what samples is what is saved.
    session.trainer.weights_sync(**QUICK)
    step = int(session.retrieve().step)

    with run.tally.check("training checkpoint"):
        training_one = session.create_training_checkpoint(**QUICK)
        expect_equal(int(training_one.step), step, "step")
        got = rl.checkpoints.retrieve(training_one.id)
        wanted = ("CHECKPOINT_TYPE_TRAINING", BYTE_MODEL, own, step, 8)
        expect_equal((got.type, got.base_model, got.session_id, int(got.step), got.lora_rank), wanted, "checkpoint")
        expect(got.inference_registration is None, f"registration {got.inference_registration}")
        expect_equal(got.training_registration, training_one.registration, "registration")

    with run.tally.check("inference checkpoint"):
        inference = session.create_inference_checkpoint(**QUICK)
        expect_equal(int(inference.step), step, "step")
        got = rl.checkpoints.retrieve(inference.id)
        wanted = ("CHECKPOINT_TYPE_INFERENCE", BYTE_MODEL, own, step, 8)
        expect_equal((got.type, got.base_model, got.session_id, int(got.step), got.lora_rank), wanted, "checkpoint")
        expect(got.training_registration is None, f"registration {got.training_registration}")
        if inference.registration is not None:
            # On stock weights the adapter is what gets deployed.
            expect(inference.registration.adapter is not None, f"registration {inference.registration}")

    with run.tally.check("checkpoints of a session"):
        listed = session.retrieve()
        expect(training_one.id in [entry.id for entry in listed.training_checkpoints], "the training one is missing")
        expect_equal([entry.id for entry in listed.inference_checkpoints], [inference.id], "inference checkpoints")

    with run.tally.check("listing checkpoints"):
        both = [inference.id, training_one.id]
        listing = rl.checkpoints.list
        check_listing(partial(listing, session_id=own), both, "checkpoints")
        check_listing(partial(listing, session_id=own, type="CHECKPOINT_TYPE_TRAINING"), both[1:], "training")
        only = partial(listing, session_id=own, type="CHECKPOINT_TYPE_INFERENCE")
        expect_equal([entry.id for entry in only().data], both[:1], "inference")
        check_listing(partial(listing, base_model=BYTE_MODEL), both, "checkpoints of the model")
        expect_equal(listing(base_model=BYTE_MODEL[:-1]).data, [], "checkpoints of no model")
        times = [entry.created_at for entry in listing(session_id=own).data]
        expect(times == sorted(times, reverse=True), f"not newest first: {times}")

    with run.tally.check("downloading the adapter"):
        adapter = download(run, inference.id, "CHECKPOINT_VARIANT_ADAPTER")
        expect(any("lora" in name.lower() for name in adapter), f"no LoRA tensors: {list(adapter)}")
    with run.tally.check("downloading the merged model"):
        merged = download(run, inference.id, "CHECKPOINT_VARIANT_MERGED")
        expect(not any("lora" in name.lower() for name in merged), f"LoRA tensors: {list(merged)}")
    with run.tally.check("a training checkpoint is not for download"), raises(*REFUSALS, NotFoundError):
        rl.checkpoints.download(training_one.id, variant="CHECKPOINT_VARIANT_MERGED")
    return training_one.id, inference.id


def download(run: Run, checkpoint: str, variant: Any) -> dict[str, Any]:
    """The tensors of a variant."""
    files = run.client.post_training.checkpoints.download(checkpoint, variant=variant).data
    tensors: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = download_checkpoint(run.client, checkpoint, variant=variant, output_dir=folder)
        sizes = {path.name: path.stat().st_size for path in paths}
        expect_equal(sizes, {file.filename: int(file.size) for file in files}, "sizes")
        for path in paths:
            if path.suffix == ".safetensors":
                tensors |= safetensors(path)
            elif path.suffix == ".json":
                json.loads(path.read_bytes())
    expect(bool(tensors), f"no weights among {list(sizes)}")
    print(f"interop: {variant}: {len(tensors)} tensors in {sizes}")
    return tensors


def resuming(
    run: Run, resource: ModelResourcesClient, session: SessionClient, training_one: str, inference: str
) -> None:
    """New sessions from the checkpoints that have just been saved."""
    before, step = score(session), int(session.retrieve().step)
    learn(session)
    session.trainer.weights_sync(**QUICK)
    after = score(session)

    def resume(checkpoint: str, step: int, **options: Any) -> float:
        """Takes the same step again; returns the score then."""
        resumed = resource.create_session(resume_from_checkpoint_id=checkpoint, **options, **STARTING)
        with resumed:
            got = resumed.retrieve()
            expect_equal(got.resume_from_checkpoint_id, checkpoint, "resume_from_checkpoint_id")
            expect_equal(int(got.step), step, "step")
            expect_equal(got.lora_config and got.lora_config.rank, 8, "rank")
            expect_close([score(resumed)], [before], "score of the resumed session", within=STORED)
            expect_equal(learn(resumed), step + 1, "next step")
            resumed.trainer.weights_sync(**QUICK)
            return score(resumed)

    with run.tally.check("resuming with the optimizer"):
        for asked in ({"load_optimizer": True}, {}):
            expect_close([resume(training_one, step, **asked)], [after], "score after a step", within=STORED)
    with run.tally.check("resuming without the optimizer"):
        fresh = resume(training_one, 0, load_optimizer=False)
        expect(abs(fresh - after) > STORED, "the step was that of the old optimizer")
    with run.tally.check("resuming from an inference checkpoint"):
        resume(inference, 0)
        with raises(*REFUSALS):
            resource.create_session(resume_from_checkpoint_id=inference, load_optimizer=True, **STARTING)


def sessions(run: Run, resource: ModelResourcesClient, session: SessionClient) -> None:
    rl = run.client.post_training

    with run.tally.check("listing sessions"):
        here = partial(rl.sessions.list, model_resources_id=resource.model_resources_id)
        ids = [entry.id for entry in here().data or []]
        expect(session.session_id in ids and len(ids) >= 5, f"listed {ids}")
        check_listing(here, ids, "sessions")
        running = partial(here, status=["TRAINING_SESSION_STATUS_RUNNING", "TRAINING_SESSION_STATUS_CREATING"])
        expect_equal([entry.id for entry in running().data or []], [session.session_id], "running")
        stopped = partial(here, status=["TRAINING_SESSION_STATUS_STOPPED"], created_by="me")
        check_listing(stopped, [entry for entry in ids if entry != session.session_id], "stopped sessions")
        expect_equal(rl.sessions.list(model_resources_id=NOBODY).data, [], "sessions of no resource")

    with run.tally.check("listing model resources"):
        own = resource.model_resources_id
        check_listing(rl.model_resources.list, [own], "model resources")
        check_listing(partial(rl.model_resources.list, created_by="me"), [own], "own model resources")
        ready = rl.model_resources.list(status=["MODEL_RESOURCES_STATUS_READY", "MODEL_RESOURCES_STATUS_CREATING"])
        expect(own in [entry.id for entry in ready.data], "missing from those that are READY")
        ended = rl.model_resources.list(status=["MODEL_RESOURCES_STATUS_STOPPED"])
        expect(own not in [entry.id for entry in ended.data], "among those that are STOPPED")

    with run.tally.check("updating a session"):
        url = "https://example.com/"
        got = rl.sessions.update(session.session_id, metadata={"wandb": {"run_name": "two", "url": url}})
        wandb = got.metadata.wandb
        expect_equal(got.display_name, "interop", "display_name that was not given")
        if wandb is None:
            raise Mismatch("no metadata")
        expect_equal((wandb.project, wandb.run_name, wandb.url), ("sandbox", "two", url), "metadata")
        got = rl.sessions.update(session.session_id, display_name="renamed")
        expect_equal(got.display_name, "renamed", "display_name")
        got = rl.sessions.update(session.session_id, display_name="", metadata={"wandb": {"project": ""}})
        expect(not got.display_name, f"display_name {got.display_name!r} that was cleared")
        expect(not (got.metadata.wandb and got.metadata.wandb.project), f"metadata {got.metadata} that was cleared")


def ending(run: Run, resource: ModelResourcesClient, session: SessionClient) -> None:
    rl, own = run.client.post_training, resource.model_resources_id

    with run.tally.check("a resource with an active session does not stop"):
        with raises(BadRequestError, ConflictError):
            resource.stop()
        expect_equal(rl.model_resources.retrieve(own).status, "MODEL_RESOURCES_STATUS_READY", "status")

    with run.tally.check("stopping a session"):
        session.stop()
        expect_equal(rl.sessions.retrieve(session.session_id).status, "TRAINING_SESSION_STATUS_STOPPED", "status")

    with run.tally.check("a stopped session takes no operations"):
        inputs = [model_input([72])]
        late = partial(rl.operations.sample, session.session_id, idempotency_key="late", model_inputs=inputs)
        try:
            operation = late()
        except (BadRequestError, ConflictError, UnprocessableEntityError):
            pass
        else:
            code = operation.error and operation.error.code
            expect_equal(code, "TRAINING_OPERATION_ERROR_CODE_SESSION_NOT_ACTIVE", "error")

    with run.tally.check("stopping a model resource"):
        resource.stop()
        patience = time.monotonic() + 30
        # The helper is content with STOPPING.
        while (got := rl.model_resources.retrieve(own)).status == "MODEL_RESOURCES_STATUS_STOPPING":
            expect(time.monotonic() < patience, "it never ends")
            time.sleep(0.1)
        expect_equal(got.status, "MODEL_RESOURCES_STATUS_STOPPED", "status")
        expect(got.expires_at is None, f"expires at {got.expires_at}")
        with raises(BadRequestError):
            rl.model_resources.stop(own)
        # The SDK's helper knows what that means.
        ModelResourcesClient.attach(model_resources_id=own, api_key=run.key, base_url=run.base_url).stop()
        with raises(APIStatusError):
            rl.model_resources.extend_expiry(own, seconds=60)
        with raises(APIStatusError):
            rl.sessions.create(model_resources_id=own)


def muon(run: Run) -> None:
    """Another optimizer, and no generator."""
    with run.tally.check("Muon without a generator"):
        resource = run.resource(
            base_model=QWEN,
            compute_config={"num_generator_replicas": 0},
            optimizer_config={"muon": {"scaling_strategy": "MUON_SCALING_STRATEGY_MATCH_ADAM"}},
        )
        config = resource.retrieve().optimizer_config.muon
        expect(config is not None and config.scaling_strategy == "MUON_SCALING_STRATEGY_MATCH_ADAM", f"muon: {config}")
        session = resource.create_session(**STARTING)
        expect(not session.has_generator, "a generator")
        # With the defaults that the documentation gives.
        lora_config = session.retrieve().lora_config
        expect(lora_config is not None and (lora_config.rank, lora_config.alpha) == (32, 64), f"LoRA: {lora_config}")
        batch = [supervised(TEXT)]
        before = session.trainer.forward_backward(samples=batch, loss=CROSS_ENTROPY, **QUICK).loss
        step = session.trainer.optim_step(
            muon_params={
                "learning_rate": 0.02,
                "momentum": 0.95,
                "newton_schulz_steps": 5,
                "weight_decay": 0.0,
                "grad_clip_norm": 1.0,
                "adam": adam(0.01),
            },
            **QUICK,
        )
        expect_equal(int(step.step), 1, "step")
        after = session.trainer.forward(samples=batch, loss=CROSS_ENTROPY, **QUICK).loss
        expect(after < before, f"loss {before} before, {after} after")
        # With force it stops in spite of the session.
        resource.stop(force=True)
        status = run.client.post_training.sessions.retrieve(session.session_id).status
        expect(status.removeprefix("TRAINING_SESSION_STATUS_") in ("STOPPING", "STOPPED", "EXPIRED"), f"it is {status}")
        session.detach()


def full_weights(run: Run) -> None:
    """A session without an adapter, and one with an adapter on what it has learned."""
    rl = run.client.post_training
    with run.tally.check("full weights"):
        resource = run.resource(base_model=QWEN, lora_enabled=False, compute_config={"num_generator_replicas": 1})
        expect(not resource.retrieve().lora_enabled, "LoRA is on")
        with resource, resource.create_session(**STARTING) as session:
            expect(session.retrieve().lora_config is None, "a lora_config")
            before = score(session)
            expect_equal(learn(session), 1, "step")
            expect_equal(int(session.trainer.weights_sync(**QUICK).weights_version), 1, "weights_version")
            trained = score(session)
            expect(trained > before, f"score {before} before, {trained} after")
            # There is room for one session only.
            with raises(RuntimeError, saying="TRAINING_SESSION_STATUS_ERROR"):
                resource.create_session(**STARTING)
            [failed] = rl.sessions.list(status=["TRAINING_SESSION_STATUS_ERROR"], limit=1).data or []
            code = failed.error and failed.error.code
            expect_equal(code, "TRAINING_SESSION_ERROR_CODE_RESOURCE_AT_CAPACITY", "error")
            checkpoint = session.create_inference_checkpoint(**QUICK)
            expect(rl.checkpoints.retrieve(checkpoint.id).lora_rank is None, "a rank")
            download(run, checkpoint.id, "CHECKPOINT_VARIANT_MERGED")
            with raises(*REFUSALS, NotFoundError):
                rl.checkpoints.download(checkpoint.id, variant="CHECKPOINT_VARIANT_ADAPTER")

    with run.tally.check("LoRA on registered weights"):
        if checkpoint.registration is None or checkpoint.registration.model is None:
            raise Mismatch(f"registration {checkpoint.registration}")
        weights = f"together://{checkpoint.registration.model.id}"
        resource = run.resource(base_model=QWEN, base_weights_ref=weights)
        with resource, resource.create_session(**STARTING) as session:
            expect((resource.retrieve().base_weights_ref or "").startswith(weights), "another base_weights_ref")
            expect_close([score(session)], [trained], "score of the registered weights", within=STORED)
            own = session.create_inference_checkpoint(**QUICK)
            # The merged model is what gets deployed, since the adapter fits nothing that others have.
            expect(own.registration is None or own.registration.model is not None, f"registration {own.registration}")


def main(base_url: str, key: str) -> int:
    prepare()
    tally, wire = Tally(telling=True), Wire()
    wire.watch()
    began = time.monotonic()
    with Together(api_key=key, base_url=base_url, _strict_response_validation=True) as client:
        run = Run(base_url, key, client, tally, wire)
        for part in (catalogue, lora, muon, full_weights):
            with tally.check(f"part {part.__name__}"):
                part(run)
    print(f"interop: Together AI's Python SDK: {time.monotonic() - began:.1f} s")
    return tally.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
