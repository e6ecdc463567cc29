"""The GRPO run of benches/train.rs, as somebody writes it with Together AI's SDK alone: no resuming, no report, no limits.

Usage: train.py BASE_URL KEY ROWS STEPS
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from together.post_training import ModelResourcesClient

URL, KEY, ROWS, STEPS = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
GROUP, PROMPTS = 8, 8


def common(a, b):
    """The length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for x in a:
        above = 0
        for i, y in enumerate(b):
            above, row[i + 1] = row[i + 1], above + 1 if x == y else max(row[i], row[i + 1])
    return row[-1]


def reward(text, answer):
    return 2 * common(text, answer) / max(1, len(text) + len(answer))


with open(ROWS) as file:
    rows = [json.loads(line) for line in file]
resource = ModelResourcesClient.create(
    base_model="sandbox/byte-lm",
    api_key=KEY,
    base_url=URL,
    inactive_timeout=1800,
)
pool = ThreadPoolExecutor(PROMPTS)
lora = {"rank": 32, "alpha": 64, "seed": 0}
with resource, resource.create_session(lora_config=lora) as session:
    for step in range(STEPS):
        chosen = [rows[(step * PROMPTS + i) % len(rows)] for i in range(PROMPTS)]
        prompts = [list(row["prompt"].encode()) for row in chosen]

        def sample(prompt):
            return session.generator.sample(
                {"chunks": [{"encoded_text": {"tokens": prompt}}]},
                num_samples=GROUP,
                sampling_params={"max_tokens": 8, "temperature": 1.0, "seed": step},
            )

        results = list(pool.map(sample, prompts))
        samples, rewards = [], []
        for row, prompt, result in zip(chosen, prompts, results):
            texts = [bytes(int(t) for t in s.tokens if int(t) < 256).decode(errors="replace") for s in result.sequences]
            scores = [reward(text, row["answer"]) for text in texts]
            mean = sum(scores) / len(scores)
            rewards.append(mean)
            if max(scores) - min(scores) < 1e-6:
                continue
            for sequence, score in zip(result.sequences, scores):
                tokens = [int(token) for token in sequence.tokens]
                whole, zeros = prompt + tokens, [0.0] * (len(prompt) - 1)
                samples.append(
                    {
                        "model_input": {"chunks": [{"encoded_text": {"tokens": whole[:-1]}}]},
                        "loss_fn_inputs": {
                            "target_tokens": whole[1:],
                            "mask": [0] * len(zeros) + [1] * len(tokens),
                            "logprobs": zeros + list(sequence.logprobs),
                            "advantages": zeros + [score - mean] * len(tokens),
                        },
                    }
                )
        if samples:
            session.trainer.forward_backward(samples=samples, loss={"type": "LOSS_TYPE_GRPO"})
            session.trainer.optim_step(adam_params={"learning_rate": 0.001, "weight_decay": 0.0})
            session.trainer.weights_sync()
    checkpoint = session.create_inference_checkpoint()
    print(f"{sum(rewards) / len(rewards):.3f} {checkpoint.id}")
