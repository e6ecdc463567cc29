"""A service that answers at once, for benches/train.rs: each sampling with 8 completions of 512 tokens for each prompt.

Prints its port. Usage: upstream.py PROMPTS
"""

import json
import random
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROMPTS, GROUP, TOKENS = int(sys.argv[1]), 8, 512
RESOURCE = {
    "id": "resource",
    "base_model": "Qwen/Qwen3-0.6B",
    "status": "MODEL_RESOURCES_STATUS_READY",
    "compute_config": {"num_generator_replicas": 1},
}
SESSION = {
    "id": "session",
    "base_model": "Qwen/Qwen3-0.6B",
    "model_resources_id": "resource",
    "status": "TRAINING_SESSION_STATUS_RUNNING",
    "step": 0,
}
MODEL = {
    "base_model": "Qwen/Qwen3-0.6B",
    "default_gpu_type": "B200-SXM",
    "compute_configs": [{"gpu_type": "B200-SXM", "generator_config": {"context_length": 40960}}],
}
random.seed(1)


def sequence():
    return {
        "tokens": [random.randrange(1000, 100000) for _ in range(TOKENS)],
        "logprobs": [round(-3 * random.random(), 6) for _ in range(TOKENS)],
        "stop_reason": "STOP_REASON_STOP",
    }


RESULTS = [
    {"sequences": [sequence() for _ in range(GROUP)], "policy_segments": [{"version": 0, "start_token": 0}]}
    for _ in range(PROMPTS)
]
SAMPLED = json.dumps({"results": RESULTS})
OUTPUTS = {
    "sample": SAMPLED,
    "forward-backward": '{"loss":0.1,"metrics":{"loss/entropy/mean":1.0}}',
    "optim-step": '{"step":1}',
    "weights-sync": '{"weights_version":1}',
}
count = 0


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer("{}")

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.endswith("supported-models"):
            return self.answer(json.dumps({"data": [MODEL]}))
        if path.endswith(("model-resources", "training-sessions")):
            return self.answer('{"data":[],"meta":{"has_more":false}}')
        self.answer(json.dumps(RESOURCE if "model-resources" in path else SESSION))

    def do_POST(self):
        global count
        self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        count += 1
        if path.endswith("estimate-cost"):
            return self.answer('{"currency":"USD","price_per_hour":1.0}')
        if path.endswith("upload-url"):
            url = f"http://127.0.0.1:{server.server_port}/put/{count}"
            return self.answer(json.dumps({"payload_id": f"payload-{count}", "upload_url": url, "url": url}))
        if path.endswith("/stop"):
            stopped = RESOURCE if "model-resources" in path else SESSION
            status = "MODEL_RESOURCES_STATUS_STOPPED" if "model-resources" in path else "TRAINING_SESSION_STATUS_STOPPED"
            return self.answer(json.dumps({**stopped, "status": status}))
        if "/operations/" not in path:
            return self.answer(json.dumps(RESOURCE if path.endswith("model-resources") else SESSION))
        output = OUTPUTS.get(path.rsplit("/", 1)[1], f'{{"checkpoint":{{"id":"checkpoint-{count}"}}}}')
        self.answer(f'{{"id":"op-{count}","status":"TRAINING_OPERATION_STATUS_COMPLETED","output":{output}}}')


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
print(server.server_port, flush=True)
server.serve_forever()
