"""The work of text.rs by Python's tokenizers: python text.py DIRECTORY WORK.JSON"""

import json
import sys
import time

from tokenizers import Tokenizer


def timed(work):
    started = time.perf_counter()
    done = work()
    return (time.perf_counter() - started) * 1e3, done


directory, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    work = json.load(file)
load, tokenizer = timed(lambda: Tokenizer.from_file(f"{directory}/tokenizer.json"))
encode, _ = timed(lambda: [tokenizer.encode(text, add_special_tokens=False).ids for text in work["prompts"]])
decode, _ = timed(lambda: [tokenizer.decode(ids, skip_special_tokens=True) for ids in work["completions"]])
print(json.dumps({"load": load, "encode": encode, "decode": decode}))
