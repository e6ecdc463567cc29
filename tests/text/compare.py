"""Holds tokenizers, chat templates, masks and the cache against Hugging Face's own tools:

compare.py HARNESS SERVER FOLDER-OF-TOKENIZERS
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import transformers
from tokenizers import Tokenizer
from transformers.utils import chat_template_utils

HARNESS, SERVER, FOLDER = sys.argv[1], sys.argv[2], Path(sys.argv[3])
NAMES = ["qwen3", "llama3_1", "gptoss", "gemma3", "deepseek_v3"]
STRINGS = 1100
DATE = 1_795_735_445
REFUSED = "refused"
SPECIAL = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]


class Fixed(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz=None):
        return datetime.fromtimestamp(DATE, timezone.utc)


chat_template_utils.datetime = Fixed


class Harness:
    """The server's library, as a process."""

    def __init__(self):
        self.process = subprocess.Popen([HARNESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


class Tally:
    """What was compared, and what differed."""

    def __init__(self):
        self.same, self.refused, self.different = 0, 0, []

    def hold(self, what, ours, theirs):
        self.refused += theirs == REFUSED
        if ours == theirs:
            self.same += 1
        else:
            self.different.append(f"{what}\n  ours:   {ours!r}\n  theirs: {theirs!r}")

    def close(self, title):
        refused = f" ({self.refused} refused by both)" if self.refused else ""
        print(f"text: {title}: {self.same} equal{refused}, {len(self.different)} different", flush=True)
        for difference in self.different[:5]:
            print(difference[:2000])
        return not self.different


PIECES = [
    "def f(x):\n    return x ** 2  # ²\n", "for (int i = 0; i < n; ++i) {\n\t\ta[i] = 0;\n}\n", "SELECT * FROM t;\r\n",
    "The quick brown fox's jumps, don't they?", "    ", "\n\n\n", "\t", " ", "…—–", "1234567890", "3.14159e-10", "ſ", "ß",
    "Ünïcödé", "Ελληνικά", "Кириллица", "日本語のテキスト", "中文文本", "한국어", "العربية", "עברית", "हिन्दी", "ไทย", "தமிழ்",
    "👩‍👩‍👧‍👦", "🇩🇪🏳️‍🌈", "e\u0301a\u0308", "\u200b\u00ad\ufeff", "\u0000\u0001\u007f", "Ａ１", "ﬁﬂ", "x²+y²=z²", "<b>&amp;</b>", "'s 'S 'LL 're",
    "https://example.com/?q=1&r=%20", "\\frac{1}{2}", "\U0001d4d0", "\ufffd", "\ud7ff\ue000",
]


def strings(special):
    rng = random.Random(20261126)

    def anything():
        return "".join(
            chr(code) for code in (rng.randrange(0x110000) for _ in range(rng.randrange(1, 30))) if not 0xD800 <= code < 0xE000
        )

    yield from PIECES + special + [""]
    while True:
        parts = rng.choices([rng.choice(PIECES), anything(), rng.choice(special)], weights=[6, 3, 2], k=rng.randrange(1, 8))
        yield "".join(part if rng.random() < 0.7 else rng.choice(PIECES) for part in parts)


def tokenizers(harness):
    tally = Tally()
    for name in NAMES:
        folder = FOLDER / f"tokenizer-{name}" / "models"
        theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
        harness.ask(directory=str(folder))
        special = [token.content for token in theirs.get_added_tokens_decoder().values()][:40]
        texts = strings(special)
        for _ in range(STRINGS):
            text = next(texts)
            for flag in (False, True):
                expected = theirs.encode(text, add_special_tokens=flag).ids
                tally.hold(f"{name}: encode {text!r}", harness.ask(do="encode", text=text, special=flag), expected)
                back = theirs.decode(expected, skip_special_tokens=flag)
                tally.hold(f"{name}: decode {text!r}", harness.ask(do="decode", ids=expected, special=flag), back)
    return tally.close("encode and decode")


def said(role, content, **more):
    return {"role": role, "content": content, **more}


TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather <now> & \"there\"; é",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "default": 1.0}},
            "required": ["city"],
        },
    },
}
CALL = {"type": "function", "id": "call00001", "function": {"name": "get_weather", "arguments": {"city": "Zürich", "days": 2}}}
CONVERSATIONS = [
    ("one", [said("user", "Hi")], None),
    ("system", [said("system", "Be brief."), said("user", "Hi")], None),
    ("turns", [said("user", "a"), said("assistant", "b"), said("user", "c"), said("assistant", "d")], None),
    ("system and turns", [said("system", "s"), said("user", "a"), said("assistant", "b\nb"), said("user", "c")], None),
    ("empty", [said("system", ""), said("user", ""), said("assistant", ""), said("user", " ")], None),
    ("scripts", [said("user", "日本語 \n é ‍👩‍👧 <|x|>"), said("assistant", "مرحبا \t")], None),
    ("null", [said("user", "a", name=None), said("assistant", "b", tool_calls=None), said("user", "c")], None),
    ("thoughts", [said("user", "a"), said("assistant", "<think>\nwhy\n</think>\n\nb"), said("user", "c")], None),
    ("reasoning", [said("user", "a"), said("assistant", "b", reasoning_content="why"), said("user", "c")], None),
    ("thinking", [said("user", "a"), said("assistant", "b", thinking="why")], None),
    ("tools", [said("system", "s"), said("user", "Weather?")], [TOOL]),
    (
        "calls",
        [
            said("user", "Weather?"),
            said("assistant", "", tool_calls=[CALL]),
            said("tool", "{\"rain\": true}", name="get_weather", tool_call_id="call00001"),
            said("assistant", "It rains."),
        ],
        [TOOL],
    ),
    ("parts", [said("user", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])], None),
]
ARGUMENTS = [{}, {"enable_thinking": False}, {"enable_thinking": True}]


def reference(folder):
    config = json.loads((folder / "tokenizer_config.json").read_text())
    content = lambda token: token["content"] if isinstance(token, dict) else token
    special = {name: content(config[name]) for name in SPECIAL if config.get(name)}
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **special)
    return theirs, config.get("chat_template")


def render(theirs, messages, tools, template, **more):
    try:
        return theirs.apply_chat_template(messages, tools=tools, chat_template=template, **more)
    except Exception as error:
        return {"error": str(error)}


def refusals(answer):
    """That both refuse is the same; in which words is not."""
    return REFUSED if isinstance(answer, dict) and "error" in answer else answer


def templates():
    import trl

    for path in sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja")):
        yield path.name, FOLDER / "tokenizer-qwen3" / "models", path.read_text()
    for name in NAMES:
        folder = FOLDER / f"tokenizer-{name}" / "models"
        own = json.loads((folder / "tokenizer_config.json").read_text()).get("chat_template")
        if own:
            yield name, folder, own


def rendering(harness):
    renders, masks, loaded, theirs = Tally(), Tally(), None, None
    for name, folder, template in templates():
        # One tokenizer does for most: a template knows no more of it than its special tokens.
        if folder != loaded:
            theirs, loaded = reference(folder)[0], folder
        harness.ask(directory=str(folder), template=template)
        has_tag = "{% generation" in template or "{%- generation" in template
        for title, messages, tools in CONVERSATIONS:
            for arguments in ARGUMENTS:
                asked = dict(messages=messages, tools=tools, date=DATE)
                for prompt in (False, True):
                    ours = harness.ask(do="render", template_args={**arguments, "add_generation_prompt": prompt}, **asked)
                    text = render(theirs, messages, tools, template, tokenize=False, add_generation_prompt=prompt, **arguments)
                    renders.hold(f"{name}: {title} {arguments} {prompt} {text}", refusals(ours), refusals(text))
                if has_tag:
                    whole = render(
                        theirs, messages, tools, template, tokenize=True, return_dict=True, return_assistant_tokens_mask=True, **arguments
                    )
                    if "error" not in whole:
                        whole = [whole["input_ids"], [bool(trained) for trained in whole["assistant_masks"]]]
                    ours = harness.ask(do="mask", template_args=arguments, **asked)
                    masks.hold(f"{name}: {title} {arguments}", refusals(ours), refusals(whole))
    return all([renders.close("renders"), masks.close("masks")])


def cache():
    """The server reads what huggingface_hub's own code has written."""
    import huggingface_hub
    from huggingface_hub import file_download

    tally = Tally()
    with tempfile.TemporaryDirectory() as place:
        commit = "0123456789abcdef0123456789abcdef01234567"
        storage = Path(place) / huggingface_hub.file_download.repo_folder_name(repo_id="org/small", repo_type="model")
        source = FOLDER / "tokenizer-deepseek_v3" / "models"
        for name in ("tokenizer.json", "tokenizer_config.json"):
            blob, pointer = storage / "blobs" / name.replace(".", "0"), storage / "snapshots" / commit / name
            for path in (blob, pointer):
                path.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes((source / name).read_bytes())
            file_download._create_symlink(str(blob), str(pointer), new_blob=True)
        file_download._cache_commit_hash_for_specific_revision(str(storage), "main", commit)
        found = huggingface_hub.try_to_load_from_cache("org/small", "tokenizer.json", cache_dir=place)
        tally.hold("huggingface_hub finds it", found, str(storage / "snapshots" / commit / "tokenizer.json"))
        lines = [
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "initialize",
                "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "compare", "version": "1"}},
            },
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {
                "jsonrpc": "2.0",
                "id": 2,
                "method": "tools/call",
                "params": {
                    "name": "render-prompt",
                    "arguments": {"base_model": "org/small", "messages": [said("user", "Hi")], "ids": True},
                },
            },
        ]
        environment = {"HF_HUB_CACHE": place, "HF_HUB_OFFLINE": "1", "RL_MCP_DATA_DIR": f"{place}/data"}
        server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        server.stdin.write("".join(json.dumps(line) + "\n" for line in lines))
        server.stdin.flush()
        answers = {}
        while 2 not in answers:
            answer = json.loads(server.stdout.readline())
            answers[answer.get("id")] = answer
        server.stdin.close()
        server.wait()
        answer = json.loads(answers[2]["result"]["content"][0]["text"])
        theirs, template = reference(source)
        ids = theirs.apply_chat_template([said("user", "Hi")], chat_template=template, add_generation_prompt=True, return_dict=False)
        tally.hold("commit", answer["tokenizer"]["commit"], commit)
        tally.hold("ids", answer["ids"], ids)
    return tally.close("the cache")


def main():
    harness = Harness()
    fine = [tokenizers(harness), rendering(harness), cache()]
    sys.exit(0 if all(fine) else 1)


main()
