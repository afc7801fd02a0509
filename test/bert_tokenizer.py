"""BERT's uncased tokenizer, from its description (Devlin et al., 2019; the steps of google-research/bert), on Python's
own Unicode tables: reads JSON {"vocab": [...], "texts": [...]} from stdin, writes the ids of every text."""
import json
import sys
import unicodedata


def is_control(c):
    return c not in '\t\n\r' and unicodedata.category(c).startswith('C')


def is_space(c):
    return c in ' \t\n\r' or unicodedata.category(c) == 'Zs'


def is_punctuation(c):
    o = ord(c)
    ascii_mark = 33 <= o <= 47 or 58 <= o <= 64 or 91 <= o <= 96 or 123 <= o <= 126
    return ascii_mark or unicodedata.category(c).startswith('P')


CHINESE = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
           (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]


def is_chinese(c):
    return any(a <= ord(c) <= b for a, b in CHINESE)


def words(text):
    clean = ''
    for c in text:
        if ord(c) in (0, 0xFFFD) or is_control(c):
            continue
        clean += ' ' if is_space(c) else f' {c} ' if is_chinese(c) else c
    for token in clean.split():
        token = ''.join(c for c in unicodedata.normalize('NFD', token.lower()) if unicodedata.category(c) != 'Mn')
        word = ''
        for c in token:
            if is_punctuation(c):
                if word:
                    yield word
                yield c
                word = ''
            elif is_space(c):
                if word:
                    yield word
                word = ''
            else:
                word += c
        if word:
            yield word


def pieces(word, vocab):
    if len(word) > 100:
        return [vocab['[UNK]']]
    found, start = [], 0
    while start < len(word):
        end = len(word)
        while start < end and ('##' if start else '') + word[start:end] not in vocab:
            end -= 1
        if start == end:
            return [vocab['[UNK]']]
        found.append(vocab[('##' if start else '') + word[start:end]])
        start = end
    return found


given = json.load(sys.stdin)
vocab = {piece: i for i, piece in enumerate(given['vocab'])}
json.dump([[i for w in words(t) for i in pieces(w, vocab)] for t in given['texts']], sys.stdout)
