"""A GCN on Cora in JAX, `vmap` over the seeds; started by benchmarks/cora.py --jax.

    PEER/bin/python benchmarks/jax_cora.py --data cora.npz --seeds 100 --group 10

The recipe is the one of benchmarks/cora.py: two layers of width 16, dropout, Adam with weight
decay on the first layer, 200 epochs, and after each a forward pass in evaluation mode with the
accuracy on the three splits. Products with the sparse features and the adjacency are gathers and
`segment_sum`. A whole training is one compiled program. Only JAX and numpy are imported.

It prints the seconds to compile, and then, for each line that it reads, trains all seeds and
prints their mean test accuracy at the best validation accuracy.
"""

import argparse
import functools
import sys
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

EPOCHS, HIDDEN, LR, DECAY = 200, 16, 0.01, 5e-4
BETAS, EPSILON = (0.9, 0.999), 1e-8
Weights = dict[str, jax.Array]


def product(places: jax.Array, values: jax.Array, x: jax.Array, rows: int) -> jax.Array:
    """A sparse matrix times a dense one."""
    return jax.ops.segment_sum(
        values[:, None] * x[places[1]], places[0], rows, indices_are_sorted=True
    )


def glorot(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Initial weights of a layer."""
    limit = (6 / sum(shape)) ** 0.5
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)


def make_training(data: dict[str, np.ndarray]) -> Callable[[jax.Array], jax.Array]:
    """A function that trains one seed: its key -> its test accuracy."""
    edges, weights = jnp.asarray(data["edges"]), jnp.asarray(data["weights"])
    places, features = jnp.asarray(data["places"]), jnp.asarray(data["features"])
    y = jnp.asarray(data["y"])
    parts = {name: jnp.asarray(data[name]) for name in ("train", "val", "test")}
    nodes, channels, classes = len(y), int(data["places"][1].max()) + 1, int(y.max()) + 1

    def network(w: Weights, key: jax.Array | None) -> jax.Array:
        values = features
        if key is not None:
            first, second = jax.random.split(key)
            values = values * 2 * jax.random.bernoulli(first, 0.5, values.shape)
        hidden = product(places, values, w["w1"], nodes)
        hidden = jax.nn.relu(product(edges, weights, hidden, nodes) + w["b1"])
        if key is not None:
            hidden = hidden * 2 * jax.random.bernoulli(second, 0.5, hidden.shape)
        return product(edges, weights, hidden @ w["w2"], nodes) + w["b2"]

    def loss(w: Weights, key: jax.Array) -> jax.Array:
        scores = jax.nn.log_softmax(network(w, key)[parts["train"]])
        penalty = (w["w1"] ** 2).sum() + (w["b1"] ** 2).sum()
        chosen = jnp.take_along_axis(scores, y[parts["train"]][:, None], 1)
        return -chosen.mean() + DECAY / 2 * penalty

    def epoch(number: int, state: tuple) -> tuple:
        w, mean, square, key, best, final = state
        key, now = jax.random.split(key)
        gradient = jax.grad(loss)(w, now)
        step = number + 1.0
        mean = jax.tree.map(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, mean, gradient)
        square = jax.tree.map(lambda v, g: BETAS[1] * v + (1 - BETAS[1]) * g * g, square, gradient)

        def update(p: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
            m, v = m / (1 - BETAS[0] ** step), v / (1 - BETAS[1] ** step)
            return p - LR * m / (jnp.sqrt(v) + EPSILON)

        w = jax.tree.map(update, w, mean, square)
        right = network(w, None).argmax(-1) == y
        found = {name: right[part].mean() for name, part in parts.items()}
        better = found["val"] > best
        best = jnp.where(better, found["val"], best)
        final = jnp.where(better, found["test"], final)
        return w, mean, square, key, best, final

    def train(key: jax.Array) -> jax.Array:
        first, second, key = jax.random.split(key, 3)
        w = {
            "w1": glorot(first, (channels, HIDDEN)),
            "b1": jnp.zeros(HIDDEN),
            "w2": glorot(second, (HIDDEN, classes)),
            "b2": jnp.zeros(classes),
        }
        zero = jax.tree.map(jnp.zeros_like, w)
        state = (w, zero, zero, key, jnp.float32(0), jnp.float32(0))
        return jax.lax.fori_loop(0, EPOCHS, epoch, state)[-1]

    return train


def main() -> None:
    """Compile, then train all seeds for each line of the input."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", required=True, help="what benchmarks/cora.py saved")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--group", type=int, default=10, help="seeds under one vmap")
    parser.add_argument("--prng", default="unsafe_rbg", help="JAX's random generator")
    options = parser.parse_args()
    jax.config.update("jax_default_prng_impl", options.prng)
    with np.load(options.data) as file:
        train = make_training(dict(file))
    group = min(options.group, options.seeds)
    run = jax.jit(functools.partial(jax.lax.map, train, batch_size=group))
    keys = jax.random.split(jax.random.key(0), options.seeds)
    started = time.perf_counter()
    compiled = run.lower(keys).compile()
    print(time.perf_counter() - started, flush=True)
    for number, _ in enumerate(sys.stdin):
        keys = jax.random.split(jax.random.key(number), options.seeds)
        print(float(compiled(keys).mean()), flush=True)


if __name__ == "__main__":
    main()
