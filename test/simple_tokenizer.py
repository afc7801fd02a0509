"""OpenAI's SimpleTokenizer (CLIP, simple_tokenizer.py), written anew from its algorithm, without ftfy.

usage: simple_tokenizer.py VOCABULARY.txt.gz < JSON list of texts > JSON list of lists of ids
"""
import gzip
import html
import json
import sys

import regex

printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
unprintable = [b for b in range(256) if b not in printable]
symbol_of = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(unprintable)}
symbols = [symbol_of[b] for b in printable + unprintable]

with gzip.open(sys.argv[1], "rt", encoding="utf-8") as file:
    merges = [tuple(line.split()) for line in file.read().split("\n")[1 : 49152 - 256 - 2 + 1]]
tokens = symbols + [s + "</w>" for s in symbols] + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
id_of = {token: i for i, token in enumerate(tokens)}
rank_of = {pair: i for i, pair in enumerate(merges)}
pattern = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", regex.IGNORECASE
)


def bpe(token):
    if token in ("<|startoftext|>", "<|endoftext|>"):
        return [token]
    word = [symbol_of[b] for b in token.encode("utf-8")]
    word[-1] += "</w>"
    while len(word) > 1:
        rank, _ = min((rank_of.get(pair, len(merges)), i) for i, pair in enumerate(zip(word, word[1:])))
        if rank == len(merges):
            break
        first, second = merges[rank]
        merged, i = [], 0
        while i < len(word):
            both = word[i : i + 2] == [first, second]
            merged.append(first + second if both else word[i])
            i += 2 if both else 1
        word = merged
    return word


def encode(text):
    text = html.unescape(html.unescape(text)).strip()
    text = regex.sub(r"\s+", " ", text).strip().lower()
    return [id_of[part] for token in pattern.findall(text) for part in bpe(token)]


json.dump([encode(text) for text in json.load(sys.stdin)], sys.stdout)
