# SPDX-License-Identifier: Apache-2.0
"""Parses modules of python's own library, compiles them, and takes their trees through JSON and text;
then some threads count words. To be run with PYTHONMALLOC=malloc, else python hides what it allocates."""
import ast
import collections
import hashlib
import json
import os
import threading

FOLDER = os.path.dirname(os.__file__)
MODULES = ("argparse ast asyncio/base_events collections/__init__ configparser ctypes/__init__ datetime"
           " decimal difflib doctest email/message enum fractions functools inspect json/decoder"
           " logging/__init__ pathlib pdb pickle random shutil socket statistics subprocess tarfile"
           " threading turtle typing unittest/mock uuid zipfile").split()


def read(name):
    try:
        with open(os.path.join(FOLDER, name + ".py"), encoding="utf-8") as file:
            return file.read()
    except OSError:  # this python has it elsewhere, or not at all
        return ""


def plain(node):
    """A tree as lists, dictionaries and strings."""
    if isinstance(node, ast.AST):
        return {"kind": type(node).__name__, **{name: plain(value) for name, value in ast.iter_fields(node)}}
    if isinstance(node, list):
        return [plain(part) for part in node]
    return node if isinstance(node, (str, int, float, type(None))) else repr(node)


def count(texts, into, lock):
    words = collections.Counter()
    for text in texts:
        words.update(text.replace("(", " ").replace(".", " ").split())
    with lock:
        into.update(words)


sources = [read(name) for name in MODULES]
digest = hashlib.sha256()
for source in sources:
    tree = ast.parse(source)
    compile(tree, "module", "exec")
    again = json.loads(json.dumps(plain(tree)))
    digest.update(json.dumps(again, sort_keys=True).encode())

words, lock = collections.Counter(), threading.Lock()
threads = [threading.Thread(target=count, args=(sources[i::4], words, lock)) for i in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(digest.hexdigest(), sorted(words.items(), key=lambda item: (-item[1], item[0]))[:5])
