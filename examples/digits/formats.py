"""Writers of the files that Caffe reads, and of PNG.

Field numbers: NetParameter {name 1, layer 100}, LayerParameter {name 1, type 2, bottom 3, top 4,
blobs 7}, BlobProto {num 1, channels 2, height 3, width 4, data 5 packed floats, shape 7},
BlobShape {dim 1, packed int64}.
"""

import struct
import zlib

import numpy as np


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number_field(field, value):
    return varint(field << 3) + varint(value)


def bytes_field(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def text_field(field, text):
    return bytes_field(field, text.encode())


def floats_field(field, array):
    return bytes_field(field, np.ascontiguousarray(array, "<f4").tobytes())


def blob_proto(array):
    shape = bytes_field(1, b"".join(varint(d) for d in array.shape))
    return floats_field(5, array) + bytes_field(7, shape)


def mean_binaryproto(planes):
    """planes: C H W, as the legacy four-dimensional blob that Caffe's mean files are."""
    shape = (1, *planes.shape)
    return b"".join(number_field(i + 1, d) for i, d in enumerate(shape)) + floats_field(5, planes)


def wired(layers, bottom):
    """(layer, bottom, top) of a chain of layers; an in-place layer's top is its bottom."""
    for layer in layers:
        top = bottom if layer.in_place else layer.name
        yield layer, bottom, top
        bottom = top


def caffemodel(name, layers, bottom):
    out = text_field(1, name)
    for layer, src, dst in wired(layers, bottom):
        body = text_field(1, layer.name) + text_field(2, layer.kind)
        body += text_field(3, src) + text_field(4, dst)
        body += b"".join(bytes_field(7, blob_proto(blob)) for blob in layer.blobs)
        out += bytes_field(100, body)
    return out


def deploy_prototxt(name, layers, bottom, input_shape):
    dims = " ".join(f"dim: {d}" for d in input_shape)
    lines = [
        f'name: "{name}"',
        "layer {",
        f'  name: "{bottom}"',
        '  type: "Input"',
        f'  top: "{bottom}"',
        f"  input_param {{ shape {{ {dims} }} }}",
        "}",
    ]
    for layer, src, dst in wired(layers, bottom):
        lines += ["layer {", f'  name: "{layer.name}"', f'  type: "{layer.kind}"']
        lines += [f'  bottom: "{src}"', f'  top: "{dst}"']
        lines += [f"  {layer.params}"] if layer.params else []
        lines += ["}"]
    return "\n".join(lines) + "\n"


def png(image):
    """image: H W uint8, as an 8-bit grayscale PNG."""

    def chunk(kind, data):
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    height, width = image.shape
    no_filter = np.zeros((height, 1), np.uint8)
    rows = np.hstack([no_filter, image]).tobytes()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )
