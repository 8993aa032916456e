"""Convolution and pooling by their definitions, in plain NumPy: loops over the positions of the window."""

import itertools

import numpy as np


def windows(attributes, x, window, dilation=(1, 1)):
    """(output row, output column, the slice of padded x it sees), and the padded x itself is built by `padded`."""
    sy, sx = attributes["strides"]
    dy, dx = dilation
    reach_y, reach_x = (window[0] - 1) * dy + 1, (window[1] - 1) * dx + 1
    rows, columns = (x.shape[1] - reach_y) // sy + 1, (x.shape[2] - reach_x) // sx + 1
    places = [(i, j, np.s_[:, i * sy : i * sy + reach_y : dy, j * sx : j * sx + reach_x : dx])
              for i, j in itertools.product(range(rows), range(columns))]
    return rows, columns, places


def padded(attributes, x, value=0):
    top, bottom, left, right = attributes["padding"]
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def unpadded(attributes, x, shape):
    top, _, left, _ = attributes["padding"]
    return x[:, top : top + shape[1], left : left + shape[2]]


def common(*arrays):
    dtype = np.result_type(*arrays)
    return dtype, [a.astype(np.float64) for a in arrays]


def channel_groups(attributes, channels_in, channels_out):
    g = attributes["groups"]
    for k in range(g):
        yield (slice(k * channels_in // g, (k + 1) * channels_in // g),
               slice(k * channels_out // g, (k + 1) * channels_out // g))


def conv2d(attributes, x, f):
    dtype, (x, f) = common(x, f)
    x = padded(attributes, x)
    rows, columns, places = windows(attributes, x, f.shape, attributes["dilation"])
    out = np.zeros((x.shape[0], rows, columns, f.shape[3]))
    for i, j, at in places:
        for cin, cout in channel_groups(attributes, x.shape[3], f.shape[3]):
            out[:, i, j, cout] = np.tensordot(x[at][..., cin], f[..., cout], 3)
    return out.astype(dtype)


def conv2d_input_gradient(attributes, f, dy):
    dtype, (f, dy) = common(f, dy)
    shape = attributes["shape"]
    dx = padded(attributes, np.zeros(shape))
    for i, j, at in windows(attributes, dx, f.shape, attributes["dilation"])[2]:
        for cin, cout in channel_groups(attributes, shape[3], f.shape[3]):
            dx[at][..., cin] += np.tensordot(dy[:, i, j, cout], f[..., cout], ([1], [3]))
    return unpadded(attributes, dx, shape).astype(dtype)


def conv2d_filter_gradient(attributes, x, dy):
    dtype, (x, dy) = common(x, dy)
    df = np.zeros(attributes["shape"])
    x = padded(attributes, x)
    for i, j, at in windows(attributes, x, df.shape, attributes["dilation"])[2]:
        for cin, cout in channel_groups(attributes, x.shape[3], df.shape[3]):
            df[..., cout] += np.tensordot(x[at][..., cin], dy[:, i, j, cout], ([0], [0]))
    return df.astype(dtype)


def max_pool2d(attributes, x):
    return max_pool2d_second(attributes, x, x)


def first_maximum(window):
    """Position of the maximum of each (row, column) window, per image and channel."""
    n, h, w, c = window.shape
    return np.argmax(window.reshape(n, h * w, c), axis=1)


def max_pool2d_second(attributes, x, v):
    dtype, (x, v) = common(x, v)
    x, v = padded(attributes, x, -np.inf), padded(attributes, v)
    rows, columns, places = windows(attributes, x, attributes["window"])
    out = np.zeros((x.shape[0], rows, columns, x.shape[3]))
    for i, j, at in places:
        n, h, w, c = x[at].shape
        out[:, i, j] = np.take_along_axis(v[at].reshape(n, h * w, c), first_maximum(x[at])[:, None], 1)[:, 0]
    return out.astype(dtype)


def max_pool2d_gradient(attributes, x, dy):
    dtype, (x, dy) = common(x, dy)
    shape = x.shape
    x = padded(attributes, x, -np.inf)
    dx = np.zeros(x.shape)
    for i, j, at in windows(attributes, x, attributes["window"])[2]:
        n, h, w, c = x[at].shape
        chosen = np.arange(h * w)[None, :, None] == first_maximum(x[at])[:, None]
        dx[at] += (chosen * dy[:, i, j][:, None]).reshape(n, h, w, c)
    return unpadded(attributes, dx, shape).astype(dtype)


def avg_pool2d(attributes, x):
    dtype, (x,) = common(x)
    inside = padded(attributes, np.ones(x.shape))
    x = padded(attributes, x)
    rows, columns, places = windows(attributes, x, attributes["window"])
    out = np.zeros((x.shape[0], rows, columns, x.shape[3]))
    for i, j, at in places:
        out[:, i, j] = x[at].sum((1, 2)) / inside[at].sum((1, 2))
    return out.astype(dtype)


def avg_pool2d_gradient(attributes, dy):
    dtype, (dy,) = common(dy)
    shape = attributes["shape"]
    inside, dx = padded(attributes, np.ones(shape)), padded(attributes, np.zeros(shape))
    for i, j, at in windows(attributes, dx, attributes["window"])[2]:
        dx[at] += (dy[:, i, j] / inside[at].sum((1, 2)))[:, None, None]
    return unpadded(attributes, dx, shape).astype(dtype)


FUNCTIONS = {f.__name__: f for f in (conv2d, conv2d_input_gradient, conv2d_filter_gradient, max_pool2d, max_pool2d_gradient,
                                     max_pool2d_second, avg_pool2d, avg_pool2d_gradient)}
