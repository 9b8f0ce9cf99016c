"""Reads Caffe's files: a prototxt as nested messages, the blobs of a caffemodel, a mean image.

Field numbers: NetParameter {V1 layers 2, layer 100}, LayerParameter {name 1, blobs 7},
V1LayerParameter {name 4, blobs 6}, BlobProto {num 1, channels 2, height 3, width 4, data 5,
shape 7}, BlobShape {dim 1}.
"""

import re

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

TOKEN = re.compile(r"""\s+|\#[^\n]*|(?P<name>[A-Za-z_]\w*)|(?P<string>"[^"\n]*"|'[^'\n]*')
                       |(?P<number>[-+]?(?:\d|\.\d)[\w.+-]*)|(?P<mark>[{}<>:;,\[\]])""", re.VERBOSE)


class FileError(Exception):
    """A file that cannot be read, in one line."""


class Message(dict):
    """Every field of a text message as the list of its values, in order."""

    def all(self, name):
        return self.get(name, [])

    def one(self, name, default=None):
        return self[name][-1] if name in self else default


def read_prototxt(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    tokens = list(tokens_of(path, text))
    message, end = parse_message(path, tokens, 0)
    if end != len(tokens):
        raise FileError(f"{path}:{tokens[end][2]}: a '}}' too many")
    return message


def tokens_of(path, text):
    """(kind, text, line) of every token."""
    position, line = 0, 1
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise FileError(f"{path}:{line}: unexpected {text[position]!r}")
        if match.lastgroup:
            yield match.lastgroup, match.group(), line
        line += match.group().count("\n")
        position = match.end()


def parse_message(path, tokens, i):
    """The fields from token i on, and where the closing brace or the end of the file stands."""
    message = Message()
    while i < len(tokens) and tokens[i][1] != "}":
        kind, name, line = tokens[i]
        i += 1
        if kind != "name":
            raise FileError(f"{path}:{line}: a field's name should stand where {name!r} does")
        if i < len(tokens) and tokens[i][1] == ":":
            i += 1
        if i < len(tokens) and tokens[i][1] == "{":
            value, i = parse_message(path, tokens, i + 1)
            if i == len(tokens):
                raise FileError(f"{path}:{line}: '{name}' has no closing brace")
        elif i < len(tokens) and tokens[i][0] in ("name", "string", "number"):
            value = scalar(*tokens[i][:2])
        else:
            raise FileError(f"{path}:{line}: '{name}' has no value")
        message.setdefault(name, []).append(value)
        i += 1
    return message, i


def scalar(kind, text):
    if kind == "string":
        return text[1:-1]
    if kind == "number":
        return float(text) if re.search(r"[.eE]", text) else int(text, 0)
    return {"true": True, "false": False}.get(text, text)


def read_weights(path):
    """The blobs of every layer that has some, by the layer's name: lists of FP32 arrays."""
    weights = {}
    for field, _, layer in fields_of(path, read_bytes(path)):
        if field not in (2, 100):
            continue
        name_field, blobs_field = (1, 7) if field == 100 else (4, 6)
        name, blobs = "", []
        for inner, _, value in fields_of(path, layer):
            if inner == name_field:
                name = bytes(value).decode()
            elif inner == blobs_field:
                blobs.append(blob_of(path, value))
        if blobs:
            weights[name] = blobs
    return weights


def read_blob(path):
    """The one array of a BlobProto file, such as mean.binaryproto."""
    return blob_of(path, read_bytes(path))


def blob_of(path, data):
    legacy, shape, values = [0, 0, 0, 0], None, []
    for field, _, value in fields_of(path, data):
        if 1 <= field <= 4:
            legacy[field - 1] = value
        elif field == 5:
            values.append(np.frombuffer(value, "<f4"))
        elif field == 7:
            shape = shape_of(path, value)
    shape = legacy if shape is None else shape
    array = np.concatenate(values) if values else np.zeros(0, np.float32)
    if array.size != np.prod(shape, dtype=np.int64):
        raise FileError(f"{path}: a blob of shape {shape} holds {array.size} values")
    return array.reshape(shape)


def shape_of(path, data):
    dims = []
    for field, wire, value in fields_of(path, data):
        if field != 1:
            continue
        if wire == VARINT:
            dims.append(value)
            continue
        at = 0
        while at < len(value):
            dim, at = varint(path, value, at)
            dims.append(dim)
    return dims


def read_bytes(path):
    with open(path, "rb") as file:
        return memoryview(file.read())


def fields_of(path, data):
    """(field number, wire type, value) of a binary message: a varint as a number, the rest as
    bytes."""
    at = 0
    while at < len(data):
        key, at = varint(path, data, at)
        field, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = varint(path, data, at)
        else:
            if wire == BYTES:
                size, at = varint(path, data, at)
            else:
                size = {FIXED32: 4, FIXED64: 8}.get(wire, -1)
            if size < 0 or at + size > len(data):
                raise FileError(f"{path}: not a whole protobuf message")
            value, at = data[at:at + size], at + size
        yield field, wire, value


def varint(path, data, at):
    value = 0
    for shift in range(0, 70, 7):
        if at == len(data):
            break
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
    raise FileError(f"{path}: not a whole protobuf message")
